use std::io;

use crate::manifest::{Entry, RelPath};

/// Takes the bytes of each file while its digest is made, so that they are read once.
///
/// Several threads use it at once. Bytes come before it is known what they are: only what
/// [`SinkFile::finish`] is called for is part of the manifest. A file that is withheld in the end,
/// for a secret in it or since it changed, is dropped without, and what it was given must go.
pub trait Sink: Sync {
    /// Begins a file, whose length is likely `size`.
    ///
    /// # Errors
    ///
    /// An error ends the ingest.
    fn file(&self, path: &RelPath, size: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>>;

    /// Says that this entry has the bytes of a file that was finished before: a hard link in an
    /// archive.
    ///
    /// # Errors
    ///
    /// An error ends the ingest.
    fn link(&self, entry: &Entry) -> io::Result<()> {
        let _ = entry;
        Ok(())
    }
}

/// Takes the bytes of one file, in their order.
pub trait SinkFile {
    /// Takes the next bytes: at most 256 KiB.
    ///
    /// # Errors
    ///
    /// An error ends the ingest.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Keeps what was written: it is what the entry says.
    ///
    /// # Errors
    ///
    /// An error ends the ingest.
    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<()>;
}

/// Keeps nothing: for the manifest alone.
impl Sink for () {
    fn file(&self, _: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        Ok(Box::new(()))
    }
}

impl SinkFile for () {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Entry) -> io::Result<()> {
        Ok(())
    }
}
