//! The tree in an archive that was uploaded.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
    time::SystemTime,
};

use bytes::{Buf as _, Bytes};
use mcpo2_core::{Digest, Error, ErrorKind, Routed};

use super::{broken, commit::AsTree, no_trees, progress::Progress, said};
use crate::{
    Library,
    blob::{BlobError, BlobErrorKind, BlobReader, Keep, TenantBlobs},
    ingest::{self, Archive, Done, Format, Ingest, Rules},
    library::{commit_manifest, manifest_label},
    manifest::Manifest,
    putting::{PutTreeError, put_tree},
    run::{Run, outcome},
    wait::wait,
};

/// How much is read at once.
const STEP: u64 = 256 * 1024;

/// What is taken of archives that are committed as trees.
#[derive(Debug, Clone)]
pub struct TreeTerms {
    /// Which of their files.
    pub rules: Rules,
    /// How much of them. What is over makes no tree.
    pub limits: ingest::Limits,
    /// Where they are read: on a thread that may be busy for as long as that takes, and has entered
    /// the runtime that the store needs, if it needs one.
    pub run: Arc<dyn Run>,
}

impl Library {
    /// Commits the tree in an archive of the caller's tenant, until then.
    pub(super) async fn unpack(
        &self,
        routed: &Routed,
        archive: &Digest,
        tree: AsTree,
        (until, progress): (SystemTime, &Arc<Progress>),
    ) -> Result<Manifest, Error> {
        let terms = self.trees.as_ref().ok_or_else(no_trees)?;
        let said = |error| said(routed, error);
        let tenant = routed.call().principal().tenant();
        let blobs = self.depot.tenant(tenant).map_err(said)?;
        let from = blobs.open(archive).await.map_err(said)?;
        let unpacking = Unpacking {
            terms: terms.clone(),
            blobs,
            from,
            until,
            progress: Arc::clone(progress),
        };
        let made = outcome(&*terms.run, move || unpacking.run(tree)).await;
        let made = made.ok_or_else(|| broken("the archive was not read to its end"))?;
        made.map_err(|why| match why {
            Why::Archive(error) => refused(error),
            Why::Store(error) => said(error),
            Why::NoArchive => Error::new(
                ErrorKind::InvalidParams,
                "no archive: tar, tar.gz, tar.zst or zip",
            ),
        })
    }
}

fn refused(error: ingest::Error) -> Error {
    use ingest::ErrorKind as Kind;
    let kind = match error.kind() {
        Kind::TooMany | Kind::TooLarge | Kind::TimedOut | Kind::Bomb => ErrorKind::TooLarge,
        Kind::Malformed | Kind::Ambiguous | Kind::IgnoreFile => ErrorKind::InvalidParams,
        // Nothing is wrong with the store: that would have been said.
        Kind::Io => {
            let error = Error::new(ErrorKind::InvalidParams, "a broken archive").with_source(error);
            return error;
        }
        _ => return broken(error),
    };
    Error::new(kind, error.to_string()).with_source(error)
}

/// Why there is no tree.
enum Why {
    Archive(ingest::Error),
    Store(BlobError),
    NoArchive,
}

impl From<ingest::Error> for Why {
    fn from(error: ingest::Error) -> Self {
        Self::Archive(error)
    }
}

impl From<BlobError> for Why {
    fn from(error: BlobError) -> Self {
        Self::Store(error)
    }
}

struct Unpacking {
    terms: TreeTerms,
    blobs: TenantBlobs,
    from: BlobReader,
    until: SystemTime,
    progress: Arc<Progress>,
}

impl Unpacking {
    fn run(&self, tree: AsTree) -> Result<Manifest, Why> {
        let mut from = Source::new(self);
        let made = self.make(tree, &mut from);
        // Whoever reads it only says that it could not be read.
        from.failed.map_or(made, |error| Err(error.into()))
    }

    fn make(&self, tree: AsTree, from: &mut Source<'_>) -> Result<Manifest, Why> {
        let format = Format::detect(&mut *from).map_err(ingest::Error::from)?;
        let format = format.ok_or(Why::NoArchive)?;
        let archive = Archive::new(format).with_strip(tree.strip);
        let ingest = Ingest::new(&self.terms.rules)
            .with_limits(self.terms.limits)
            .with_progress(&*self.progress);
        let manifest = ingest.archive(archive, &mut *from)?;
        let keep = Keep::Until(self.until);
        match wait(self.blobs.keep(&manifest_label(&manifest.root()), keep)) {
            Ok(()) => return Ok(manifest),
            Err(error) if error.kind() == BlobErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let session = wait(self.blobs.session())?;
        let again = |sink: &dyn ingest::Sink| ingest.with_sink(sink).archive(archive, &mut *from);
        put_tree(&session, &manifest, again).map_err(|error| match error {
            PutTreeError::Read(error) => error.into(),
            PutTreeError::Store(error) => Why::Store(error),
            // A blob is what it is.
            PutTreeError::Changed => Why::Store(BlobErrorKind::Corrupt.into()),
        })?;
        wait(commit_manifest(&session, &manifest, keep))?;
        Ok(manifest)
    }
}

impl ingest::Progress for Progress {
    fn file(&self, done: &Done<'_>) {
        self.files(done.files);
    }
}

/// A blob as a file, until nobody wants it any more.
struct Source<'u> {
    unpacking: &'u Unpacking,
    at: u64,
    /// What was read, and not taken yet.
    next: Bytes,
    /// What the store said.
    failed: Option<BlobError>,
}

impl<'u> Source<'u> {
    fn new(unpacking: &'u Unpacking) -> Self {
        Self {
            unpacking,
            at: 0,
            next: Bytes::new(),
            failed: None,
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.next.is_empty() {
            let progress = &self.unpacking.progress;
            if progress.is_given_up() {
                return Err(io::Error::other("nobody waits for it"));
            }
            let part = self.at..self.at.saturating_add(STEP);
            self.next = wait(self.unpacking.from.read(part)).map_err(|error| {
                let said = io::Error::other(error.to_string());
                self.failed = Some(error);
                said
            })?;
            progress.read(length(&self.next));
        }
        let taken = self.next.len().min(buffer.len());
        let (now, _) = buffer.split_at_mut(taken);
        self.next.copy_to_slice(now);
        self.at = self.at.saturating_add(length(now));
        Ok(taken)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.unpacking.from.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let at = at.ok_or(io::ErrorKind::InvalidInput)?;
        if at != self.at {
            (self.at, self.next) = (at, Bytes::new());
        }
        Ok(at)
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap_or(u64::MAX)
}
