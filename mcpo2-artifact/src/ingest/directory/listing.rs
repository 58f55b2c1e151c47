use std::ffi::CString;

use rustix::{
    fs::{AtFlags, Dir, FileType, statat},
    io::Errno,
};
use std::os::fd::OwnedFd;

use super::super::{Error, limits::Meter};

/// A name in a directory.
pub(super) type Name = CString;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    Special,
}

/// The names in a directory, but for those of git.
pub(super) struct Listing {
    pub(super) names: Vec<(Name, Kind)>,
}

/// How many names are counted at once.
const COUNTED: usize = 256;

impl Listing {
    /// Reads the names; the inner error says that it cannot be read.
    pub(super) fn read(
        directory: &OwnedFd,
        meter: &Meter<'_>,
    ) -> Result<Result<Self, Errno>, Error> {
        let mut names = Vec::new();
        let mut stream = match Dir::read_from(directory) {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        while let Some(entry) = stream.read() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b".." | b".git") {
                continue;
            }
            names.push((name.to_owned(), kind(directory, name, entry.file_type())));
            if names.len() % COUNTED == 0 {
                meter.entries(COUNTED)?;
            }
        }
        meter.entries(names.len() % COUNTED)?;
        Ok(Ok(Self { names }))
    }
}

/// Not each file system says in its list what a name stands for.
fn kind(directory: &OwnedFd, name: &std::ffi::CStr, listed: FileType) -> Kind {
    let known = if listed == FileType::Unknown {
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.map_or(listed, |stat| FileType::from_raw_mode(stat.st_mode))
    } else {
        listed
    };
    match known {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Special,
    }
}
