use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Key, Store, StoreError};

/// Keeps objects as files in a directory that only this user can read.
///
/// One process at a time may use a directory. References do not outlive the process, so opening a
/// store takes away what an earlier process left in it.
///
/// The files are read and written at once, where the caller is polled: a read is of at most a few
/// blocks, and a write of one object. A host that must not wait for its disk puts a store of its
/// own in front.
#[derive(Debug)]
pub struct DirStore {
    objects: PathBuf,
    written: AtomicU64,
}

impl DirStore {
    /// A store in `objects` below this directory; both are made where they are missing.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Io`](crate::StoreErrorKind::Io) where they cannot be made, read or closed
    /// to others, or where `objects` is no directory.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        let objects = dir.as_ref().join("objects");
        make_private(&objects)?;
        for entry in fs::read_dir(&objects)? {
            let entry = entry?;
            if is_ours(&entry.file_name()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            objects,
            written: AtomicU64::new(0),
        })
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.objects.join(key.to_string())
    }

    fn write(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = self.objects.join(format!("{key}.{number}"));
        let written =
            write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, self.path(key)));
        if written.is_err() {
            // Best effort: the error that is reported is the first.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

#[async_trait]
impl Store for DirStore {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        Ok(self.write(key, &bytes)?)
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let mut file = File::open(self.path(key))?;
        // Bounded by what is there, so that a range from nowhere reserves no memory.
        let end = range.end.min(file.metadata()?.len());
        let wanted = end.saturating_sub(range.start);
        file.seek(SeekFrom::Start(range.start.min(end)))?;
        let mut bytes = Vec::with_capacity(wanted.try_into().unwrap_or_default());
        file.take(wanted).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn make_private(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    let found = fs::symlink_metadata(dir)?;
    if !found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "`objects` is a link, not a directory",
        ));
    }
    #[cfg(unix)]
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// A key, or a key and the number of a file that was not finished.
fn is_ours(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let (key, number) = name.split_once('.').unwrap_or((name, "0"));
    key.len() == 64
        && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}
