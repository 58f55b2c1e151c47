use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use super::{Attack, Finding};

/// Where the files of a ledger are read from. A [`Path`] is such a place.
pub trait Files {
    /// Opens the file with this path below the ledger, its parts divided by `/`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) where there is none, and whatever prevents it.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>>;

    /// The names of what is in a directory, in any order.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) where there is none, and whatever prevents it.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;
}

impl Files for Path {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(fs::File::open(self.join(path))?))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.join(path))? {
            // a name that is no text is the name of nothing that belongs to a ledger
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }
}

/// The content of a file of at most `most` bytes; `None` where there is none.
pub(super) fn read<F: Files + ?Sized>(
    files: &F,
    path: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, Finding> {
    let file = match files.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| unreadable(path, error))?,
    };
    let mut bytes = Vec::new();
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    Ok(Some(bytes))
}

/// The names in a directory; none where there is no such directory.
pub(super) fn list<F: Files + ?Sized>(files: &F, path: &str) -> Result<Vec<String>, Finding> {
    match files.list(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(|error| unreadable(path, error)),
    }
}

pub(super) fn unreadable(path: &str, error: io::Error) -> Finding {
    Finding::new(Attack::Unreadable, format!("{path} cannot be read")).of(error)
}
