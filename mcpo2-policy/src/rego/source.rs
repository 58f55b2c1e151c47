//! The files of a bundle: from a directory, or from a tarball. Neither may be larger than what a
//! gateway can bear, nor name a file outside itself.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Component, Path},
};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::{RegoError, RegoErrorKind};

/// How many bytes all files have together at most.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How many entries there are at most, directories included.
const MAX_ENTRIES: usize = 4096;
/// How many directories stand in each other at most.
const MAX_DEPTH: usize = 16;

/// Files by their path, which is relative and has only plain names.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) by_path: BTreeMap<String, Vec<u8>>,
    bytes: usize,
    entries: usize,
}

impl Files {
    /// Those of a directory and what is below it.
    pub(super) fn of_directory(path: &Path) -> Result<Self, RegoError> {
        let mut files = Self::default();
        files.walk(path, "", MAX_DEPTH)?;
        Ok(files)
    }

    /// Those of a tarball that is compressed with gzip.
    pub(super) fn of_tarball(bytes: &[u8]) -> Result<Self, RegoError> {
        let mut files = Self::default();
        // Headers and padding come on top of the files.
        let most = MAX_BYTES.saturating_add(MAX_ENTRIES.saturating_mul(2048));
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let mut archive = Archive::new(GzDecoder::new(bytes).take(most));
        let unreadable = |error| RegoError::form(format!("the tarball cannot be read: {error}"));
        for entry in archive.entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            files.count()?;
            let path = plain(&entry.path().map_err(unreadable)?)?;
            match entry.header().entry_type() {
                EntryType::Directory => {}
                EntryType::Regular => files.add(path, &mut entry)?,
                _ => return Err(RegoError::form(format!("`{path}` is no plain file"))),
            }
        }
        Ok(files)
    }

    fn walk(&mut self, directory: &Path, at: &str, depth: usize) -> Result<(), RegoError> {
        let unreadable = |error| {
            let problem = format!("`{}` cannot be read: {error}", directory.display());
            RegoError::new(RegoErrorKind::Read, problem)
        };
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            self.count()?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|_| RegoError::form("a file name is no text"))?;
            let path = match at {
                "" => name,
                at => format!("{at}/{name}"),
            };
            // A link is not followed: it may lead anywhere.
            let kind = entry.file_type().map_err(unreadable)?;
            let name = path.rsplit('/').next().unwrap_or(&path);
            if kind.is_dir() && name.starts_with('.') {
                // Not of the policies: `.git`, say.
            } else if kind.is_dir() && depth > 0 {
                self.walk(&entry.path(), &path, depth - 1)?;
            } else if kind.is_file() {
                if is_read(name) {
                    self.add(path, &mut fs::File::open(entry.path()).map_err(unreadable)?)?;
                }
            } else {
                return Err(RegoError::form(format!("`{path}` is no plain file")));
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), RegoError> {
        self.entries += 1;
        match self.entries > MAX_ENTRIES {
            true => Err(RegoError::form(format!(
                "it has more than {MAX_ENTRIES} entries"
            ))),
            false => Ok(()),
        }
    }

    fn add(&mut self, path: String, file: &mut dyn Read) -> Result<(), RegoError> {
        let left = MAX_BYTES - self.bytes;
        let mut content = Vec::new();
        let most = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        let read = file.take(most).read_to_end(&mut content);
        let length = read.map_err(|error| RegoError::new(RegoErrorKind::Read, error))?;
        if length > left {
            return Err(RegoError::form(format!(
                "it has more than {MAX_BYTES} bytes"
            )));
        }
        self.bytes += length;
        match self.by_path.insert(path.clone(), content) {
            Some(_) => Err(RegoError::form(format!("`{path}` is there twice"))),
            None => Ok(()),
        }
    }
}

/// Whether a file of this name says something, or would have to.
fn is_read(name: &str) -> bool {
    let suffixes = [".rego", ".wasm"];
    suffixes.iter().any(|suffix| name.ends_with(suffix))
        || matches!(name, "data.json" | "data.yaml" | "data.yml" | ".manifest")
}

/// A path that stays where it is unpacked.
fn plain(path: &Path) -> Result<String, RegoError> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            // OPA writes its paths with a `/` in front.
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => names.push(
                name.to_str()
                    .ok_or_else(|| RegoError::form("a file name is no text"))?,
            ),
            Component::ParentDir | Component::Prefix(_) => {
                let problem = format!("`{}` leaves the bundle", path.display());
                return Err(RegoError::form(problem));
            }
        }
    }
    Ok(names.join("/"))
}
