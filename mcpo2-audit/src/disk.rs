//! Where a ledger is kept, as far as it matters what a crash leaves of it.

mod dir;
#[cfg(any(test, feature = "conformance"))]
mod model;

pub use dir::DirDisk;
pub(crate) use dir::lock;
#[cfg(any(test, feature = "conformance"))]
pub use model::{Fault as DiskFault, ModelDisk};

use std::{any::Any, fmt, io};

/// A place for the files of one ledger.
///
/// Names are relative to it, with `/` between their parts; folders come with the files that are put
/// into them. What [`DiskFile::sync`] and [`sync_dir`](Self::sync_dir) have not made safe may be
/// lost by a crash, in any part and in any order.
///
/// [`DirDisk`] is a directory of the file system.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Takes the place for one writer, for as long as what is returned lives.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where another has it.
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>>;

    /// The names of the files in a folder; none where it is not there.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Opens a file that is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`], and those of the file system.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Makes a file, empty, for its owner only; one of this name is emptied.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name in one step, in place of a file that may have it.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes names that came, went or changed in this folder safe.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn sync_dir(&self, folder: &str) -> io::Result<()>;

    /// Makes all files and all names safe, at whatever cost.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn sync_all(&self) -> io::Result<()>;

    /// A whole file, of `max` bytes at most.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`], [`io::ErrorKind::FileTooLarge`], and those of the file system.
    fn read(&self, name: &str, max: u64) -> io::Result<Vec<u8>> {
        let file = self.open(name)?;
        let length = file.len()?;
        let room = usize::try_from(length).ok().filter(|_| length <= max);
        let mut bytes = vec![0; room.ok_or(io::ErrorKind::FileTooLarge)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Writes a whole file so that a crash leaves the old one or the new one.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = format!("{name}.new");
        let file = self.create(&new)?;
        file.write_all_at(bytes, 0)?;
        file.sync()?;
        self.rename(&new, name)?;
        self.sync_dir(folder_of(name))
    }
}

/// A file on a [`Disk`].
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Its length.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn len(&self) -> io::Result<u64>;

    /// Whether it is empty.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads as much as is there, from this offset.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of it at this offset.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::StorageFull`], and those of the file system. Part of it may be written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Keeps room up to this length, filled with zeros, so that writing there needs no more.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::StorageFull`], and those of the file system.
    fn allocate(&self, length: u64) -> io::Result<()>;

    /// Cuts it to this length, or lengthens it.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Makes its contents and its length safe.
    ///
    /// # Errors
    ///
    /// Those of the file system. What was written since the last time may then be lost, and a
    /// second try proves nothing.
    fn sync(&self) -> io::Result<()>;

    /// Fills the buffer from this offset.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::UnexpectedEof`], and those of the file system.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            let count = self.read_at(buffer, offset)?;
            let rest = buffer.get_mut(count..).filter(|_| count > 0);
            buffer = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
            offset += u64::try_from(count).unwrap_or_default();
        }
        Ok(())
    }
}

/// The folder that a file is in; empty for that of the ledger itself.
pub(crate) fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
