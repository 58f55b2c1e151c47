use std::{
    any::Any,
    fs::{DirBuilder, File, OpenOptions, read_dir},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FallocateFlags, FlockOperation, fallocate, flock},
    io::Errno,
};

use super::{Disk, DiskFile, folder_of};

/// How long a lock is waited for, and how often it is looked at.
const MOMENT: Duration = Duration::from_secs(1);
const LOOKING: Duration = Duration::from_millis(10);

/// A directory of the file system; all that is made in it is for its owner only.
#[derive(Debug, Clone)]
pub struct DirDisk {
    root: PathBuf,
}

/// Locks a file, or says that another has it. What a process forks holds the locks of its parent until
/// it executes another program, even where the parent has gone: so it is waited for, for a moment.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    let since = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if since.elapsed() < MOMENT => thread::sleep(LOOKING),
            locked => return Ok(locked?),
        }
    }
}

impl DirDisk {
    /// This directory, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        make_dir(&root)?;
        Ok(Self { root })
    }

    /// This directory, whether it is there or not.
    pub(crate) fn existing(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether somebody writes there at this moment. Who opens it may still come too late.
    pub fn is_held(root: &Path) -> bool {
        let lock = private().open(root.join("LOCK"));
        let locked = lock.map(|file| flock(&file, FlockOperation::NonBlockingLockExclusive));
        matches!(locked, Ok(Err(Errno::WOULDBLOCK)))
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Disk for DirDisk {
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut options = private();
        let file = options.create(true).truncate(false);
        let file = file.open(self.root.join("LOCK"))?;
        lock(&file)?;
        Ok(Box::new(file))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.root.join(name);
        let file = match private().open(&path) {
            // Who only reads may have no more than that.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path)?,
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(&path)?,
            opened => opened?,
        };
        if is_secret(name) && file.metadata()?.mode() & 0o077 != 0 {
            let message = format!("others than its owner may read {}", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(Box::new(OpenFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.root.join(name);
        let mut options = private();
        let options = options.create(true).truncate(true);
        let file = match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = folder_of(name);
                make_dir(&self.root.join(folder))?;
                self.sync_dir(folder_of(folder))?;
                options.open(&path)?
            }
            opened => opened?,
        };
        Ok(Box::new(OpenFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.root.join(name))
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        File::open(self.root.join(folder))?.sync_all()
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.root)?)?)
    }
}

#[derive(Debug)]
struct OpenFile(File);

impl DiskFile for OpenFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.0.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.read_at(buffer, offset)
            }
            read => read,
        }
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::empty(), 0, length) {
            // The file system cannot; then writing takes the room.
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            done => Ok(done?),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

fn is_secret(name: &str) -> bool {
    name == "secret" || name.starts_with("vault/") || name.ends_with(".key")
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}
