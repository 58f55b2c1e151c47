use std::collections::HashMap;

use mcpo2_core::Digest;

use super::file::FileIndex;
use crate::facts::{ANALYSER, Language};

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
        Self {
            digest,
            language,
            analyser: ANALYSER,
        }
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

/// The context of the digest that stands before what is kept.
const KEPT: &str = "mcpo2-artifact 2026 what is searched of a file";

impl FileIndex {
    /// What a cache keeps: a digest of all that follows and of the key, and JSON.
    pub(crate) fn to_bytes(&self, key: &Key) -> Vec<u8> {
        let Ok(json) = serde_json::to_vec(self) else {
            return Vec::new();
        };
        let mut bytes = digest(key, &json).to_vec();
        bytes.extend_from_slice(&json);
        bytes
    }

    /// None where this was not kept under this key, or is not as it was.
    pub(crate) fn from_bytes(key: &Key, bytes: &[u8]) -> Option<Self> {
        let (kept, json) = bytes.split_first_chunk::<32>()?;
        let same = blake3::Hash::from_bytes(*kept) == blake3::Hash::from_bytes(digest(key, json));
        same.then(|| serde_json::from_slice(json).ok()).flatten()
    }
}

fn digest(key: &Key, json: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(KEPT);
    hasher
        .update(key.name().as_bytes())
        .update(b"\n")
        .update(json);
    *hasher.finalize().as_bytes()
}
