use std::io::Read;

use super::{
    super::{
        Error, ErrorKind,
        intake::{File, Intake},
        limits::Meter,
    },
    plan::Wanted,
};
use crate::manifest::{Content, Entry, Mode, RelPath};

/// Takes the members of an archive that are wanted.
pub(super) struct Taking<'t, 'a> {
    intake: &'t mut Intake<'a>,
    wanted: Wanted,
}

impl<'t, 'a> Taking<'t, 'a> {
    pub(super) fn new(intake: &'t mut Intake<'a>, wanted: Wanted) -> Self {
        Self { intake, wanted }
    }

    pub(super) fn meter(&self) -> &'a Meter<'a> {
        &self.intake.context.meter
    }

    /// The number of the next member that is wanted.
    pub(super) fn next(&self) -> Option<usize> {
        self.wanted.keys().next().copied()
    }

    /// Takes the bytes of a member, where it is wanted.
    pub(super) fn take(
        &mut self,
        number: usize,
        size: u64,
        from: &mut dyn Read,
    ) -> Result<(), Error> {
        let Some(mut paths) = self.wanted.remove(&number) else {
            return Ok(());
        };
        // Its bytes are looked at once: so for a path at which a secret counts, if there is one.
        let rules = self.intake.context.rules;
        paths.sort_by_key(|(path, _)| !rules.secrets_count(path.as_str()));
        let Some((path, mode)) = paths.first() else {
            return Ok(());
        };
        let file = File {
            path,
            mode: *mode,
            size: Some(size),
        };
        let taken = self.intake.take(&file, from, &mut |taken| taken == size)?;
        match taken {
            Ok(content) => self.keep(paths, &content),
            Err(reason) => {
                for (path, _) in paths {
                    self.intake.withhold(path.as_str(), reason.clone());
                }
                Ok(())
            }
        }
    }

    /// The first path is that under which the sink got the bytes.
    fn keep(&mut self, paths: Vec<(RelPath, Mode)>, content: &Content) -> Result<(), Error> {
        for (at, (path, _)) in paths.into_iter().enumerate() {
            let entry = Entry::new(path, content.clone());
            if at > 0 {
                self.intake.context.sink.link(&entry).map_err(Error::sink)?;
            }
            self.intake.entries.push(entry);
        }
        Ok(())
    }

    /// That all were there.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Malformed,
            "the archive has changed while it was read",
        ))
    }
}
