use std::collections::{BTreeMap, HashMap};

use super::super::{
    Error, ErrorKind,
    flat::{self, Item, Kind},
    ignored::MAX_IGNORE_FILE,
    intake::Intake,
    limits::Meter,
};
use crate::manifest::{Content, Entry, Mode, Reason, RelPath};

/// The most bytes of all ignore files of an archive, which are kept until all names are known.
const MAX_IGNORE_FILES: usize = 16 << 20;

/// The names of an archive, while they are listed.
pub(super) struct Plan<'p, 'a> {
    intake: &'p mut Intake<'a>,
    strip: usize,
    items: Vec<Item<Place>>,
    /// By the number of the member; none is one that is too long.
    ignore_files: HashMap<usize, Option<Vec<u8>>>,
    ignore_bytes: usize,
}

/// Where the content of a path is.
pub(super) enum Place {
    /// It is the bytes of the member with this number.
    Member(usize),
    /// It is this.
    Here(Content),
}

/// The files that are taken: by the number of the member, the paths that have its bytes.
pub(super) type Wanted = BTreeMap<usize, Vec<(RelPath, Mode)>>;

impl<'p, 'a> Plan<'p, 'a> {
    pub(super) fn new(intake: &'p mut Intake<'a>, strip: usize) -> Self {
        Self {
            intake,
            strip,
            items: Vec::new(),
            ignore_files: HashMap::new(),
            ignore_bytes: 0,
        }
    }

    pub(super) fn meter(&self) -> &'a Meter<'a> {
        &self.intake.context.meter
    }

    /// The path of a member as an archive writes it: `./src/lib.rs`. What is no path of a tree is
    /// withheld.
    pub(super) fn path(&mut self, mut written: &[u8]) -> Option<RelPath> {
        while let Some(rest) = written.strip_prefix(b"./") {
            written = rest;
        }
        while let Some(rest) = written.strip_suffix(b"/") {
            written = rest;
        }
        for _ in 0..self.strip {
            let slash = written.iter().position(|b| *b == b'/')?;
            written = written.get(slash + 1..)?;
        }
        if matches!(written, b"" | b".") {
            return None;
        }
        flat::path(self.intake, written)
    }

    pub(super) fn is_ignore_file(&self, path: &RelPath) -> bool {
        let name = path.parts().next_back().unwrap_or_default();
        let known = self.intake.context.rules.ignore_files();
        known.iter().any(|known| known == name)
    }

    /// Keeps the bytes of an ignore file, which are read where it is not too long.
    pub(super) fn ignore_file(
        &mut self,
        number: usize,
        size: u64,
        read: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<(), Error> {
        let bytes = (size <= MAX_IGNORE_FILE).then(read).transpose()?;
        self.ignore_bytes += bytes.as_ref().map_or(0, Vec::len);
        if self.ignore_bytes > MAX_IGNORE_FILES {
            return Err(Error::new(
                ErrorKind::IgnoreFile,
                "the ignore files are too long together",
            ));
        }
        self.ignore_files.insert(number, bytes);
        Ok(())
    }

    pub(super) fn withhold(&mut self, path: &RelPath, reason: Reason) {
        self.intake.withhold(path.as_str(), reason);
    }

    pub(super) fn push(&mut self, path: RelPath, kind: Kind, at: Place) {
        self.items.push(Item { path, kind, at });
    }

    /// What is taken of it, by the rules.
    pub(super) fn wanted(self) -> Result<Wanted, Error> {
        let ignore_files = self.ignore_files;
        let mut read = |place: &Place| {
            let bytes = match place {
                Place::Member(number) => ignore_files.get(number).cloned().flatten(),
                Place::Here(_) => None,
            };
            bytes.ok_or_else(|| Error::new(ErrorKind::IgnoreFile, "an ignore file is too long"))
        };
        let items = flat::admit(self.intake, self.items, &mut read)?;
        let mut wanted = Wanted::new();
        for item in items {
            match (item.at, item.kind) {
                (Place::Here(content), _) => {
                    self.intake.entries.push(Entry::new(item.path, content));
                }
                (Place::Member(number), Kind::File(mode)) => {
                    wanted.entry(number).or_default().push((item.path, mode));
                }
                (Place::Member(_), _) => {}
            }
        }
        Ok(wanted)
    }
}
