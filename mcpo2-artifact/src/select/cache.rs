use std::collections::HashMap;

use mcpo2_core::Digest;

use super::{
    chunks::Chunk,
    file::{FileIndex, Hit, Outline, Term},
    index_of,
};
use crate::facts::{ANALYSER, Flags, Language, SymbolKind};

/// Names what was derived of a content: its digest, the language that it was read as, and the analyser's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    digest: Digest,
    language: u8,
    analyser: u16,
}

impl Key {
    /// The key of a file with this path and digest.
    #[must_use]
    pub fn of(path: &str, digest: Digest) -> Self {
        let language = Language::detect(path, &[]).map_or(u8::MAX, Language::code);
        Self { digest, language, analyser: ANALYSER }
    }

    /// Its text, fit for a file name: 64 hexadecimal digits, the language and the version.
    #[must_use]
    pub fn name(&self) -> String {
        let digest = self.digest.to_string();
        let digits = digest.strip_prefix("b3:").unwrap_or(&digest);
        format!("{digits}-{}-{}", self.language, self.analyser)
    }
}

/// Keeps what was derived of contents. It may forget and it may rot: what it gives back is verified.
pub trait Cache {
    /// What was stored under this key; none where there is nothing.
    fn load(&mut self, key: &Key) -> Option<Vec<u8>>;

    /// Keeps these bytes, if it can.
    fn store(&mut self, key: &Key, bytes: &[u8]);
}

/// A cache in memory, without a limit: it is as long as what it was given.
#[derive(Debug, Default, Clone)]
pub struct MemoryCache(HashMap<Key, Vec<u8>>);

impl Cache for MemoryCache {
    fn load(&mut self, key: &Key) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    fn store(&mut self, key: &Key, bytes: &[u8]) {
        self.0.insert(*key, bytes.to_owned());
    }
}

impl FileIndex {
    pub(crate) fn to_bytes(&self, _key: &Key) -> Vec<u8> {
        Vec::new()
    }

    pub(crate) fn from_bytes(_key: &Key, _bytes: &[u8]) -> Option<Self> {
        None
    }
}
