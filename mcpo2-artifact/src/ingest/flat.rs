//! Trees that a source gives as a list of paths: of git, of archives.

use super::{Error, ErrorKind, ignored::Level, intake::Intake};
use crate::manifest::{Mode, Reason, RelPath};

/// What a source has at a path.
pub(super) struct Item<T> {
    pub(super) path: RelPath,
    pub(super) kind: Kind,
    /// Where the source finds it.
    pub(super) at: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File(Mode),
    Symlink,
    Submodule,
    #[cfg(feature = "archive")]
    Special,
}

/// A path as a source writes it; none where the tree cannot have it, or is told nothing of it.
pub(super) fn path(intake: &mut Intake<'_>, bytes: &[u8]) -> Option<RelPath> {
    let mut parts = bytes.split(|b| *b == b'/');
    if parts.any(|part| part == b".git") {
        return None;
    }
    if let Ok(path) = RelPath::try_from(bytes) {
        return Some(path);
    }
    let escapes = bytes.starts_with(b"/") || bytes.split(|b| *b == b'/').any(|part| part == b"..");
    let reason = if escapes {
        Reason::EscapesRoot
    } else {
        Reason::InvalidPath
    };
    intake.withhold(bytes, reason);
    None
}

/// Those that the rules do not withhold, in the order of their paths.
///
/// # Errors
///
/// A path is there twice; an ignore file cannot be read or compiled.
pub(super) fn admit<T>(
    intake: &mut Intake<'_>,
    mut items: Vec<Item<T>>,
    read: &mut dyn FnMut(&T) -> Result<Vec<u8>, Error>,
) -> Result<Vec<Item<T>>, Error> {
    items.sort_unstable_by(|one, two| one.path.cmp(&two.path));
    let mut pairs = items.iter().zip(items.iter().skip(1));
    if let Some((one, _)) = pairs.find(|(one, two)| one.path == two.path) {
        let message = format!("{:?} is there twice", one.path);
        return Err(Error::new(ErrorKind::Ambiguous, message));
    }
    let mut walk = Walk::new(intake, &items, read)?;
    let mut kept = Vec::with_capacity(items.len());
    for item in &items {
        kept.push(walk.admits(item)?);
    }
    let both = items.into_iter().zip(kept);
    Ok(both
        .filter_map(|(item, kept)| kept.then_some(item))
        .collect())
}

/// Goes through sorted paths as one goes through directories: all that is below a directory is
/// beside each other.
struct Walk<'w, 'a, T> {
    intake: &'w mut Intake<'a>,
    items: &'w [Item<T>],
    read: &'w mut dyn FnMut(&T) -> Result<Vec<u8>, Error>,
    /// The directories that it is in; the root is the first.
    open: Vec<Open>,
    /// The beginning of what is below a directory that is withheld.
    closed: Option<String>,
}

struct Open {
    /// The beginning of what is below it: empty for the root, and ends with `/` for others.
    prefix: String,
    level: Level,
}

impl<'w, 'a, T> Walk<'w, 'a, T> {
    fn new(
        intake: &'w mut Intake<'a>,
        items: &'w [Item<T>],
        read: &'w mut dyn FnMut(&T) -> Result<Vec<u8>, Error>,
    ) -> Result<Self, Error> {
        let mut walk = Self {
            intake,
            items,
            read,
            open: Vec::new(),
            closed: None,
        };
        let level = walk.level(&Level::root(), "", "")?;
        walk.open.push(Open {
            prefix: String::new(),
            level,
        });
        Ok(walk)
    }

    fn admits(&mut self, item: &Item<T>) -> Result<bool, Error> {
        let path = item.path.as_str();
        if self
            .closed
            .as_ref()
            .is_some_and(|closed| path.starts_with(closed))
        {
            return Ok(false);
        }
        while self
            .open
            .last()
            .is_some_and(|open| !path.starts_with(&open.prefix))
        {
            self.open.pop();
        }
        while let Some(open) = self.open.last() {
            let rest = path.get(open.prefix.len()..).unwrap_or_default();
            let Some(slash) = rest.find('/') else {
                let reason = self.intake.context.rules.file(&open.level, path);
                return Ok(self.keeps(item, reason));
            };
            let directory = path.get(..open.prefix.len() + slash).unwrap_or_default();
            if !self.enter(directory)? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    fn keeps(&mut self, item: &Item<T>, reason: Option<Reason>) -> bool {
        let reason = reason.or(match item.kind {
            #[cfg(feature = "archive")]
            Kind::Special => Some(Reason::Special),
            _ => None,
        });
        let kept = reason.is_none();
        if let Some(reason) = reason {
            self.intake.withhold(item.path.as_str(), reason);
        }
        kept
    }

    /// Enters a directory of the one it is in, unless that is withheld.
    fn enter(&mut self, directory: &str) -> Result<bool, Error> {
        let rules = self.intake.context.rules;
        let Some(open) = self.open.last() else {
            return Ok(false);
        };
        // The root is one of those that are open.
        let reason = if self.open.len() >= rules.max_depth() {
            Some(Reason::TooDeep)
        } else {
            rules.directory(&open.level, directory)
        };
        let prefix = format!("{directory}/");
        if let Some(reason) = reason {
            self.intake.withhold(directory, reason);
            self.closed = Some(prefix);
            return Ok(false);
        }
        let above = open.level.clone();
        let level = self.level(&above, directory, &prefix)?;
        self.open.push(Open { prefix, level });
        Ok(true)
    }

    /// The rules of a directory, once its own ignore files are read.
    fn level(&mut self, above: &Level, directory: &str, prefix: &str) -> Result<Level, Error> {
        let mut files = Vec::new();
        for known in self.intake.context.rules.ignore_files() {
            let path = format!("{prefix}{known}");
            let found = self
                .items
                .binary_search_by(|item| item.path.as_str().cmp(&path));
            let found = found.ok().and_then(|at| self.items.get(at));
            if let Some(item) = found.filter(|item| matches!(item.kind, Kind::File(_))) {
                files.push((self.read)(&item.at)?);
            }
        }
        let level = above.below(directory, &files);
        level.map_err(|error| Error::ignore_file(directory, error))
    }
}
