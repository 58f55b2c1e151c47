//! The files of a ledger: `LOCK`, `secret`, and the segments `00000000.jsonl` and on.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::{Error, ErrorKind};

const LOCK: &str = "LOCK";
const EXTENSION: &str = "jsonl";

/// Makes the directory where it is missing, for its owner only.
pub(crate) fn create_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(Error::io("create", dir))
}

/// Takes the lock of the directory, held as long as the file is open.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let mut options = private();
    let file = options
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Err(Error::new(
            ErrorKind::Locked,
            format!("the ledger in {} is open elsewhere", dir.display()),
        )),
        Err(error) => Err(Error::io("lock", &path)(error.into())),
    }
}

/// Options of a file for its owner only.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Makes entries of the directory safe from a power failure.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(crate) fn segment_name(number: u32) -> String {
    format!("{number:08}.{EXTENSION}")
}

/// The segments that are there, by number.
pub(crate) fn segments(dir: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(number) = segment_number(&path) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn segment_number(path: &Path) -> Option<u32> {
    let number = path.file_stem()?.to_str()?.parse().ok()?;
    let own = segment_name(number);
    (path.file_name()?.to_str()? == own).then_some(number)
}
