use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
};

use rustix::fs::{FileType, Mode as Permissions, OFlags, Stat, fstat, openat, readlinkat};

use super::{super::intake, listing::Name};
use crate::manifest::{Content, Mode, Reason};

pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

// A pipe that took the place of a file must not stop the thread that opens it.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A regular file that is open, and what it was then.
pub(super) struct Regular {
    pub(super) file: File,
    stat: Stat,
}

pub(super) enum Opened {
    Regular(Regular),
    Not(Reason),
}

/// The file system that a handle is on.
pub(super) fn device(handle: &OwnedFd) -> io::Result<u64> {
    Ok(number(fstat(handle)?.st_dev))
}

/// Opens a directory in a directory, unless it is another file system's.
pub(super) fn directory(above: &OwnedFd, name: &Name, device: u64) -> Result<OwnedFd, Reason> {
    let handle = openat(above, name, DIRECTORY, Permissions::empty());
    let handle = handle.map_err(|_| Reason::Unreadable)?;
    match fstat(&handle) {
        Ok(stat) if number(stat.st_dev) == device => Ok(handle),
        Ok(_) => Err(Reason::OtherDevice),
        Err(_) => Err(Reason::Unreadable),
    }
}

/// Opens a file in a directory, unless it is none by now.
pub(super) fn file(directory: &OwnedFd, name: &Name, device: u64) -> Opened {
    let Ok(handle) = openat(directory, name, FILE, Permissions::empty()) else {
        return Opened::Not(Reason::Unreadable);
    };
    match fstat(&handle) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
            Opened::Not(Reason::Special)
        }
        Ok(stat) if number(stat.st_dev) != device => Opened::Not(Reason::OtherDevice),
        Ok(stat) => Opened::Regular(Regular {
            file: handle.into(),
            stat,
        }),
        Err(_) => Opened::Not(Reason::Unreadable),
    }
}

/// What a link says.
pub(super) fn target(directory: &OwnedFd, name: &Name) -> Result<Content, Reason> {
    let target = readlinkat(directory, name, Vec::new()).map_err(|_| Reason::Unreadable)?;
    intake::target(target.into_bytes())
}

/// The bytes of a file that says what to ignore.
pub(super) fn ignore_file(directory: &OwnedFd, name: &Name, longest: u64) -> io::Result<Vec<u8>> {
    let handle = openat(directory, name, FILE, Permissions::empty())?;
    let file = File::from(handle);
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= longest);
    fits.then_some(bytes)
        .ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

impl Regular {
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or_default()
    }

    pub(super) fn mode(&self) -> Mode {
        let owner = Permissions::from_raw_mode(self.stat.st_mode).contains(Permissions::XUSR);
        if owner { Mode::Executable } else { Mode::Plain }
    }

    /// Whether nobody wrote it since it was opened, as far as the file system says.
    pub(super) fn is_unchanged(&self) -> bool {
        let facts = |stat: &Stat| {
            let (changed, nanos) = (stat.st_ctime, stat.st_ctime_nsec);
            (
                stat.st_size,
                stat.st_mtime,
                stat.st_mtime_nsec,
                changed,
                nanos,
            )
        };
        fstat(self.file.as_fd()).is_ok_and(|stat| facts(&stat) == facts(&self.stat))
    }
}

/// The number of a device, whose type differs by system; it is only compared.
fn number(device: impl TryInto<u64>) -> u64 {
    device.try_into().unwrap_or(u64::MAX)
}
