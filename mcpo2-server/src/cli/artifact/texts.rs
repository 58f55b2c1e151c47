//! The texts of sources in memory, and what is indexed of them in a directory.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_artifact::{
    ingest::{Sink, SinkFile},
    manifest::{Entry, RelPath},
    select::{Cache, Key, Texts},
};
use mcpo2_core::Digest;

use super::Problem;

/// A longer file is not searched.
const MOST: usize = 4 << 20;

/// How far a file is looked into for a NUL, which no text has.
const HEAD: usize = 8192;

/// Keeps the texts that are read.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<HashMap<Digest, Arc<[u8]>>>);

impl Texts for Kept {
    fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest).cloned()
    }
}

impl Sink for Kept {
    fn file(&self, _: &RelPath, size: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        let short = size.is_none_or(|size| usize::try_from(size).is_ok_and(|it| it <= MOST));
        Ok(Box::new(Text {
            kept: self,
            bytes: short.then(Vec::new),
        }))
    }
}

struct Text<'k> {
    kept: &'k Kept,
    /// None of what is no text, or too long.
    bytes: Option<Vec<u8>>,
}

impl SinkFile for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = |it: &Vec<u8>| it.len() <= MOST && (it.len() >= HEAD || !has_nul(bytes));
        self.bytes = self.bytes.take().filter(fits);
        self.bytes.iter_mut().for_each(|it| it.extend(bytes));
        Ok(())
    }

    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<()> {
        if let (Some(bytes), Some(digest)) = (self.bytes, entry.digest()) {
            let kept = self.kept.0.lock();
            let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
            kept.entry(digest).or_insert_with(|| bytes.into());
        }
        Ok(())
    }
}

fn has_nul(bytes: &[u8]) -> bool {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    memchr::memchr(0, head).is_some()
}

/// Keeps what is indexed of files in a directory, each under the digest of its content. What it
/// gives back is verified by who asked.
#[derive(Debug)]
pub(super) struct DirCache(PathBuf);

impl DirCache {
    pub(super) fn open(dir: &Path) -> Result<Self, Problem> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| Problem::failed(&error).at(dir))?;
        Ok(Self(dir.to_owned()))
    }
}

impl Cache for DirCache {
    fn load(&mut self, key: &Key) -> Option<Vec<u8>> {
        fs::read(self.0.join(key.name())).ok()
    }

    fn store(&mut self, key: &Key, bytes: &[u8]) {
        let name = key.name();
        let new = self.0.join(format!("{name}.{}", std::process::id()));
        // Without it, it is made again the next time.
        let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, self.0.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(new);
        }
    }
}
