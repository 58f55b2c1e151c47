use std::{
    fs::{self, DirBuilder, File, TryLockError},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, linkat, mkdirat, openat, renameat, unlinkat},
    io::Errno,
};

use crate::blob::{BlobError, BlobErrorKind};

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How long a lock is waited for, and how often it is looked at.
const MOMENT: Duration = Duration::from_secs(1);
const LOOKING: Duration = Duration::from_millis(10);

/// Nothing planted there makes us wait: a pipe is opened at once, and then is no regular file.
const FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// An open directory. Everything below is reached from it step by step, and no step is a link.
#[derive(Debug)]
pub(crate) struct Dir(File);

impl Dir {
    /// The directory at this path, made and closed to others. Links before its last part are
    /// followed: where the store is, the operator says.
    pub(crate) fn open_root(path: &Path) -> Result<Self, BlobError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let fd = openat(rustix::fs::CWD, path, DIRECTORY, Mode::empty()).map_err(refused)?;
        let dir = File::from(fd);
        dir.set_permissions(fs::Permissions::from_mode(0o700))?;
        Ok(Self(dir))
    }

    /// Takes the lock that is this file, as long as what is given back stays open. What a process forks
    /// holds the locks of its parent until it executes another program, even where the parent has
    /// gone: so it is waited for, for a moment.
    pub(crate) fn lock(&self, name: &str) -> Result<File, BlobError> {
        let flags = FILE | OFlags::RDWR | OFlags::CREATE;
        let fd = openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR).map_err(refused)?;
        let file = File::from(fd);
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if since.elapsed() < MOMENT => thread::sleep(LOOKING),
                Err(TryLockError::WouldBlock) => return Err(BlobErrorKind::Locked.into()),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// The directory of this name in it, if there is one.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Self>, BlobError> {
        found(openat(&self.0, name, DIRECTORY, Mode::empty()))
            .map(|fd| fd.map(|fd| Self(File::from(fd))))
    }

    /// The directory of this name in it. That it is there is durable.
    pub(crate) fn make(&self, name: &str) -> Result<Self, BlobError> {
        if let Some(dir) = self.find(name)? {
            return Ok(dir);
        }
        match mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => self.sync()?,
            Err(error) => return Err(refused(error)),
        }
        self.find(name)?.ok_or_else(|| BlobErrorKind::Io.into())
    }

    /// The regular file of this name, to read.
    pub(crate) fn file(&self, name: &str) -> Result<Option<File>, BlobError> {
        let opened = openat(&self.0, name, FILE | OFlags::RDONLY, Mode::empty());
        let Some(fd) = found(opened)? else {
            return Ok(None);
        };
        let file = File::from(fd);
        match file.metadata()?.is_file() {
            true => Ok(Some(file)),
            false => Err(BlobErrorKind::Corrupt.into()),
        }
    }

    /// The regular file of this name, to write over.
    pub(crate) fn overwrite(&self, name: &str) -> Result<Option<File>, BlobError> {
        let opened = openat(&self.0, name, FILE | OFlags::RDWR, Mode::empty());
        match found(opened)?.map(File::from) {
            Some(file) if !file.metadata()?.is_file() => Err(BlobErrorKind::Corrupt.into()),
            file => Ok(file),
        }
    }

    /// A new file of this name, to write.
    pub(crate) fn create(&self, name: &str) -> Result<File, BlobError> {
        let flags = FILE | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let fd = openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR).map_err(refused)?;
        Ok(File::from(fd))
    }

    /// Gives the file of this name another in `to`. False where that one is taken.
    pub(crate) fn link(&self, name: &str, to: &Self, other: &str) -> Result<bool, BlobError> {
        match linkat(&self.0, name, &to.0, other, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(refused(error)),
        }
    }

    /// Gives the file of this name another, in place of what had that.
    pub(crate) fn rename(&self, name: &str, other: &str) -> Result<(), BlobError> {
        renameat(&self.0, name, &self.0, other).map_err(refused)
    }

    /// Takes this name away; nothing may be there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), BlobError> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    /// Makes durable which names are in it.
    pub(crate) fn sync(&self) -> Result<(), BlobError> {
        Ok(self.0.sync_all()?)
    }

    /// The names in it, in order. Those that are not UTF-8 are not ours.
    pub(crate) fn names(&self) -> Result<Vec<String>, BlobError> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

fn found(opened: Result<OwnedFd, Errno>) -> Result<Option<OwnedFd>, BlobError> {
    match opened {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// A link, or something else than what belongs there, is damage.
fn refused(error: Errno) -> BlobError {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => {
            BlobError::new(BlobErrorKind::Corrupt).with_source(std::io::Error::from(error))
        }
        error => std::io::Error::from(error).into(),
    }
}
