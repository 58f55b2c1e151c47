//! Directories, read by handles alone: no path is looked up twice, and no link is followed, so
//! that nothing outside is read whoever changes the tree meanwhile.

mod listing;
mod open;

use std::{
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
    sync::Arc,
};

use rustix::fs::{CWD, Mode as Permissions, OFlags, openat};

use self::{
    listing::{Kind, Listing, Name},
    open::{Opened, Regular},
};
use super::{
    Error, ErrorKind,
    ignored::{Level, MAX_IGNORE_FILE},
    intake::{Context, Failure, File, Intake},
    queue::{Queue, on_threads},
};
use crate::manifest::{Content, Entry, Reason, RelPath};

/// How many files are one job.
const BATCH: usize = 64;

/// A directory that is open.
struct Directory {
    handle: OwnedFd,
    /// Empty for the root.
    path: String,
    level: Level,
}

enum Job {
    Directory {
        above: Arc<Directory>,
        name: Name,
        path: RelPath,
    },
    Files {
        directory: Arc<Directory>,
        files: Vec<(Name, RelPath)>,
    },
}

/// Opens the directory that is the root.
pub(super) fn open_root(path: &Path) -> Result<OwnedFd, Error> {
    openat(
        CWD,
        path,
        open::DIRECTORY.difference(OFlags::NOFOLLOW),
        Permissions::empty(),
    )
    .map_err(|error| {
        let kind = match error {
            rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, "the directory cannot be opened").with_source(io::Error::from(error))
    })
}

/// Takes the tree below this handle.
pub(super) fn take<'a>(
    context: &'a Context<'a>,
    threads: usize,
    root: OwnedFd,
) -> Result<Vec<Intake<'a>>, Error> {
    let device = open::device(&root)?;
    let queue = Queue::new(Vec::new());
    let mut first = Walk::new(context, device, &queue);
    first.directory(root, String::new(), &Level::root())?;
    let mut done = on_threads(threads, || {
        let mut walk = Walk::new(context, device, &queue);
        queue.work(|job| walk.job(job))?;
        Ok(walk.intake)
    })?;
    done.push(first.intake);
    Ok(done)
}

/// What one thread does.
struct Walk<'a, 'q> {
    intake: Intake<'a>,
    device: u64,
    queue: &'q Queue<Job>,
}

impl<'a, 'q> Walk<'a, 'q> {
    fn new(context: &'a Context<'a>, device: u64, queue: &'q Queue<Job>) -> Self {
        Self {
            intake: Intake::new(context),
            device,
            queue,
        }
    }

    fn job(&mut self, job: Job) -> Result<(), Error> {
        match job {
            Job::Directory { above, name, path } => {
                match open::directory(&above.handle, &name, self.device) {
                    Ok(handle) => self.directory(handle, path.as_str().to_owned(), &above.level),
                    Err(reason) => {
                        self.intake.withhold(path.as_str(), reason);
                        Ok(())
                    }
                }
            }
            Job::Files { directory, files } => {
                let mut files = files.iter();
                files.try_for_each(|(name, path)| self.file(&directory, name, path))
            }
        }
    }

    /// Lists a directory: takes what is no directory in it, and leaves the others as jobs.
    fn directory(&mut self, handle: OwnedFd, path: String, above: &Level) -> Result<(), Error> {
        let Ok(listing) = Listing::read(&handle, &self.intake.context.meter)? else {
            self.intake.withhold(path, Reason::Unreadable);
            return Ok(());
        };
        let level = self.level(&handle, &path, above, &listing)?;
        let directory = Arc::new(Directory {
            handle,
            path,
            level,
        });
        let (mut directories, mut files) = (Vec::new(), Vec::new());
        for (name, kind) in listing.names {
            let Some(path) = self.admit(&directory, &name, kind) else {
                continue;
            };
            match kind {
                Kind::Directory => directories.push((name, path)),
                Kind::Symlink => self.symlink(&directory, &name, path),
                _ => files.push((name, path)),
            }
        }
        self.share(&directory, directories, files)
    }

    /// The rules of a directory, once its own ignore files are read.
    fn level(
        &self,
        handle: &OwnedFd,
        path: &str,
        above: &Level,
        listing: &Listing,
    ) -> Result<Level, Error> {
        let mut files = Vec::new();
        for known in self.intake.context.rules.ignore_files() {
            let is_here = |(name, kind): &&(Name, Kind)| {
                *kind == Kind::File && name.as_bytes() == known.as_bytes()
            };
            if let Some((name, _)) = listing.names.iter().find(is_here) {
                let bytes = open::ignore_file(handle, name, MAX_IGNORE_FILE);
                files.push(bytes.map_err(|error| Error::ignore_file(path, error))?);
            }
        }
        let level = above.below(path, &files);
        level.map_err(|error| Error::ignore_file(path, error))
    }

    /// The path of what is in a directory, unless it is withheld.
    fn admit(&mut self, directory: &Directory, name: &Name, kind: Kind) -> Option<RelPath> {
        let mut path = directory.path.clone().into_bytes();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        let rules = self.intake.context.rules;
        let Ok(valid) = RelPath::try_from(&*path) else {
            self.intake.withhold(path, Reason::InvalidPath);
            return None;
        };
        let depth = valid.parts().count();
        let reason = match kind {
            Kind::Directory if depth >= rules.max_depth() => Some(Reason::TooDeep),
            Kind::Directory => rules.directory(&directory.level, valid.as_str()),
            _ if depth > rules.max_depth() => Some(Reason::TooDeep),
            _ => rules.file(&directory.level, valid.as_str()),
        };
        let special = || (kind == Kind::Special).then_some(Reason::Special);
        match reason.or_else(special) {
            Some(reason) => {
                self.intake.withhold(path, reason);
                None
            }
            None => Some(valid),
        }
    }

    fn symlink(&mut self, directory: &Directory, name: &Name, path: RelPath) {
        match open::target(&directory.handle, name) {
            Ok(content) => self.intake.entries.push(Entry::new(path, content)),
            Err(reason) => self.intake.withhold(path.as_str(), reason),
        }
    }

    /// Leaves all but the first files as jobs, and does those.
    fn share(
        &mut self,
        directory: &Arc<Directory>,
        directories: Vec<(Name, RelPath)>,
        mut files: Vec<(Name, RelPath)>,
    ) -> Result<(), Error> {
        let directories = directories.into_iter().map(|(name, path)| Job::Directory {
            above: Arc::clone(directory),
            name,
            path,
        });
        self.queue.push(directories);
        while files.len() > BATCH {
            let batch = Job::Files {
                directory: Arc::clone(directory),
                files: files.split_off(files.len() - BATCH),
            };
            self.queue.push([batch]);
        }
        files
            .iter()
            .try_for_each(|(name, path)| self.file(directory, name, path))
    }

    /// Takes a file; one that changes while it is read is read once more.
    fn file(&mut self, directory: &Directory, name: &Name, path: &RelPath) -> Result<(), Error> {
        for _ in 0..2 {
            let opened = match open::file(&directory.handle, name, self.device) {
                Opened::Regular(opened) => opened,
                Opened::Not(reason) => {
                    self.intake.withhold(path.as_str(), reason);
                    return Ok(());
                }
            };
            match self.opened(&opened, path)? {
                Err(Reason::Changed) => {}
                Err(reason) => {
                    self.intake.withhold(path.as_str(), reason);
                    return Ok(());
                }
                Ok(content) => {
                    self.intake.entries.push(Entry::new(path.clone(), content));
                    return Ok(());
                }
            }
        }
        self.intake.withhold(path.as_str(), Reason::Changed);
        Ok(())
    }

    fn opened(
        &mut self,
        opened: &Regular,
        path: &RelPath,
    ) -> Result<Result<Content, Reason>, Error> {
        let file = File {
            path,
            mode: opened.mode(),
            size: Some(opened.size()),
        };
        // What is written behind the end meanwhile shows in the size that it has then.
        let mut from = (&opened.file).take(opened.size());
        let mut unchanged = |size| size == opened.size() && opened.is_unchanged();
        match self.intake.take(&file, &mut from, &mut unchanged) {
            Ok(taken) => Ok(taken),
            Err(Failure::Read(_)) => Ok(Err(Reason::Unreadable)),
            Err(Failure::Fatal(error)) => Err(error),
        }
    }
}
