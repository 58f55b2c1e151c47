mod dir;
mod file;
mod writer;

use std::{
    fs::File,
    ops::Range,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use self::dir::Dir;
use super::{
    BlobError, BlobErrorKind, BlobName, BlobStore, BlobWriter, Head, Kind, Listed, Put, Space,
};
use crate::Key;

/// Keeps blobs as files in a directory that only this user can read.
///
/// A file is written beside, synced, linked to its name, and the directory synced, so that a name
/// never stands for a part. Names are `blobs/<space>/<kind>/<2 digits>/<2 digits>/<key>`; no step of
/// that path is a symbolic link, or nothing is read. One process at a time has a directory.
///
/// Files are read and written at once, where the caller is polled. On a runtime whose threads must
/// not wait for a disk, call from threads that may.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use mcpo2_artifact::blob::{BlobErrorKind, FsBlobs, conformance};
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path().join("store");
/// let store = FsBlobs::open(&dir).unwrap();
/// conformance::check(&store).await.unwrap();
/// assert_eq!(FsBlobs::open(&dir).unwrap_err().kind(), BlobErrorKind::Locked);
/// # });
/// ```
#[derive(Debug)]
pub struct FsBlobs {
    blobs: Dir,
    temporary: Arc<Dir>,
    number: AtomicU64,
    /// Locked as long as it is open.
    _lock: File,
}

impl FsBlobs {
    /// The store in this directory, which is made where it is missing. What was half written there
    /// is taken away.
    ///
    /// # Errors
    ///
    /// [`Locked`](BlobErrorKind::Locked) where another has it, [`Corrupt`](BlobErrorKind::Corrupt)
    /// where a part of it is a link, and [`Io`](BlobErrorKind::Io).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BlobError> {
        let root = Dir::open_root(path.as_ref())?;
        let lock = root.lock("lock")?;
        let temporary = root.make("tmp")?;
        for name in temporary.names()? {
            temporary.remove(&name)?;
        }
        Ok(Self {
            blobs: root.make("blobs")?,
            temporary: Arc::new(temporary),
            number: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// The directory of this name's file; none where it was never made.
    fn leaf(&self, name: &BlobName) -> Result<Option<Dir>, BlobError> {
        let mut dir = None;
        for step in steps(name) {
            match dir.as_ref().unwrap_or(&self.blobs).find(&step)? {
                Some(found) => dir = Some(found),
                None => return Ok(None),
            }
        }
        Ok(dir)
    }

    fn make_leaf(&self, name: &BlobName) -> Result<Dir, BlobError> {
        let [space, kind, first, second] = steps(name);
        let dir = self.blobs.make(&space)?.make(&kind)?;
        dir.make(&first)?.make(&second)
    }

    fn begin(&self, name: &BlobName, size: u64) -> Result<writer::Writer, BlobError> {
        let number = self
            .number
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        writer::Writer::new(
            Arc::clone(&self.temporary),
            number.to_string(),
            self.make_leaf(name)?,
            name.key.to_string(),
            size,
        )
    }
}

#[async_trait]
impl BlobStore for FsBlobs {
    async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError> {
        let size = bytes.len().try_into().unwrap_or(u64::MAX);
        let mut writer = self.begin(name, size)?;
        writer.append(&bytes)?;
        writer.link()
    }

    async fn writer(&self, name: &BlobName, size: u64) -> Result<Box<dyn BlobWriter>, BlobError> {
        Ok(Box::new(self.begin(name, size)?))
    }

    async fn read(&self, name: &BlobName, range: Range<u64>) -> Result<Bytes, BlobError> {
        let leaf = self.leaf(name)?.ok_or(BlobErrorKind::NotFound)?;
        let file = leaf.file(&name.key.to_string())?;
        file::read(file.ok_or(BlobErrorKind::NotFound)?, range)
    }

    async fn head(&self, name: &BlobName) -> Result<Option<Head>, BlobError> {
        let Some(leaf) = self.leaf(name)? else {
            return Ok(None);
        };
        let file = leaf.file(&name.key.to_string())?;
        file.map(|file| file::head(&file)).transpose()
    }

    async fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        if let Some(leaf) = self.leaf(name)? {
            leaf.remove(&name.key.to_string())?;
            leaf.sync()?;
        }
        Ok(())
    }

    async fn list(
        &self,
        space: &Space,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, BlobError> {
        let Some(space) = self.blobs.find(&space.to_string())? else {
            return Ok(Vec::new());
        };
        match space.find(kind.letter())? {
            Some(dir) => file::list(&dir, after, limit),
            None => Ok(Vec::new()),
        }
    }

    async fn spaces(&self) -> Result<Vec<Space>, BlobError> {
        let names = self.blobs.names()?;
        Ok(names
            .iter()
            .filter_map(|name| Space::from_hex(name))
            .collect())
    }
}

fn steps(name: &BlobName) -> [String; 4] {
    let [first, second, ..] = *name.key.as_bytes();
    [
        name.space.to_string(),
        name.kind.letter().to_owned(),
        format!("{first:02x}"),
        format!("{second:02x}"),
    ]
}
