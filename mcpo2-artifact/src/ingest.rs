//! Manifests of directories, git revisions, archives and single objects, and the bytes of their
//! files for a store.
//!
//! The same tree has the same root from each source: in a directory, as what git has of a clean
//! checkout, as an archive. For that, no source gives empty directories, times, owners or more of
//! the permissions than whether the owner may run a file; nothing named `.git` is taken; and the
//! ignore files of the tree hold for files that git tracks, too. A checkout is not clean where git
//! writes other bytes than it holds (line ends, large files), and a directory does not say which
//! revision of a submodule it has: only from git is a submodule an entry.
//!
//! ```
//! use mcpo2_artifact::ingest::{Ingest, Spec};
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path();
//! std::fs::write(path.join("README.md"), "# Hello\n")?;
//! std::fs::write(path.join(".env"), "PASSWORD=hunter2\n")?;
//!
//! let rules = Spec::default().compile()?;
//! let manifest = Ingest::new(&rules).directory(path)?;
//!
//! assert_eq!(manifest.entries().len(), 1);
//! assert_eq!(manifest.withheld()[0].path(), ".env");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod secret;

#[cfg(feature = "archive")]
mod archive;
#[cfg(unix)]
mod directory;
mod error;
mod flat;
mod git;
mod ignored;
mod intake;
mod limits;
mod object;
mod progress;
mod queue;
mod rules;
mod sink;
mod spec;

use std::{fmt, io::Read, num::NonZeroUsize, sync::atomic::AtomicU64};

use self::{
    intake::{Context, Intake},
    limits::Meter,
};
use crate::{
    Clock, SystemClock,
    manifest::{Manifest, RelPath},
};

#[cfg(feature = "archive")]
pub use archive::{Archive, Format};
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use progress::{Done, Progress};
pub use rules::{Rules, SpecError};
pub use sink::{Sink, SinkFile};
pub use spec::{Detail, DetailRule, Spec};

/// Makes the manifest of a source by some rules.
///
/// It takes one thread, the default [`Limits`] and the clock of the system, and keeps no bytes,
/// unless it is told otherwise. The number of threads has no trace in the manifest.
#[derive(Clone, Copy)]
pub struct Ingest<'a> {
    rules: &'a Rules,
    limits: Limits,
    threads: NonZeroUsize,
    clock: &'a dyn Clock,
    sink: &'a dyn Sink,
    progress: &'a dyn Progress,
}

impl<'a> Ingest<'a> {
    /// An ingest by these rules.
    #[must_use]
    pub fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            limits: Limits::default(),
            threads: NonZeroUsize::MIN,
            clock: &SystemClock,
            sink: &(),
            progress: &(),
        }
    }

    /// Takes no more than this.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Reads with as many threads; at most 64 are started. An archive is read by one.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }

    /// Looks at this clock for [`Limits::time`].
    #[must_use]
    pub fn with_clock(self, clock: &'a dyn Clock) -> Self {
        Self { clock, ..self }
    }

    /// Gives the bytes of each file to this sink.
    #[must_use]
    pub fn with_sink(self, sink: &'a dyn Sink) -> Self {
        Self { sink, ..self }
    }

    /// Tells this how far it is.
    #[must_use]
    pub fn with_progress(self, progress: &'a dyn Progress) -> Self {
        Self { progress, ..self }
    }

    /// The manifest of one stream of bytes, as a file with this path.
    ///
    /// # Errors
    ///
    /// [`Error`] where the stream ends in an error, a limit is met or the sink fails.
    pub fn object(&self, path: RelPath, from: impl Read) -> Result<Manifest, Error> {
        self.run(|context, threads| object::take(context, threads, path, from))
    }

    /// The manifest of a revision of a git repository on this machine, bare or not: of a commit, a
    /// tag or a tree, by whatever name git knows it.
    ///
    /// It runs `git`, once more for each thread. That is not stopped in the middle of an object, so
    /// [`Limits::time`] is looked at less often.
    ///
    /// # Errors
    ///
    /// [`Error`] where git cannot be run or knows no such revision, an ignore file cannot be
    /// compiled, a limit is met or the sink fails.
    pub fn git(
        &self,
        repository: impl AsRef<std::path::Path>,
        revision: &str,
    ) -> Result<Manifest, Error> {
        let repository = repository.as_ref();
        self.run(|context, threads| git::take(context, threads, repository, revision))
    }

    fn run(
        &self,
        take: impl for<'c> FnOnce(&'c Context<'c>, usize) -> Result<Vec<Intake<'c>>, Error>,
    ) -> Result<Manifest, Error> {
        let context = Context {
            rules: self.rules,
            meter: Meter::new(self.limits, self.clock),
            sink: self.sink,
            progress: self.progress,
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        };
        let (mut entries, mut withheld) = (Vec::new(), Vec::new());
        for mut taken in take(&context, self.threads.get().min(64))? {
            entries.append(&mut taken.entries);
            withheld.append(&mut taken.withheld);
        }
        Ok(Manifest::new(self.rules.digest(), entries, withheld)?)
    }
}

#[cfg(feature = "archive")]
impl Ingest<'_> {
    /// The manifest of the tree in an archive, which is read twice.
    ///
    /// What cannot be a path of the tree is withheld, and so is what is no file, link or directory,
    /// and sparse files. A hard link is the file that it leads to, which must be before it.
    ///
    /// # Errors
    ///
    /// [`Error`] where the archive is broken, says two things of one path, has more in it than its
    /// length allows, an ignore file cannot be compiled, a limit is met or the sink fails.
    pub fn archive(
        &self,
        archive: impl Into<Archive>,
        from: impl Read + std::io::Seek,
    ) -> Result<Manifest, Error> {
        self.run(|context, _| archive::take(context, archive.into(), from))
    }
}

#[cfg(unix)]
impl Ingest<'_> {
    /// The manifest of the tree in a directory, which is opened once, by this path.
    ///
    /// No link is followed below it, no other file system is entered, and no file that changes
    /// while it is read is taken. What cannot be read is withheld.
    ///
    /// # Errors
    ///
    /// [`Error`] where there is no such directory, an ignore file cannot be read, a limit is met or
    /// the sink fails.
    pub fn directory(&self, path: impl AsRef<std::path::Path>) -> Result<Manifest, Error> {
        self.directory_handle(directory::open_root(path.as_ref())?)
    }

    /// The same of a directory that is open.
    ///
    /// # Errors
    ///
    /// As [`Ingest::directory`].
    pub fn directory_handle(&self, root: std::os::fd::OwnedFd) -> Result<Manifest, Error> {
        self.run(|context, threads| directory::take(context, threads, root))
    }
}

impl fmt::Debug for Ingest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Ingest");
        debug
            .field("rules", &self.rules.digest())
            .field("limits", &self.limits);
        debug
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
