use std::collections::BTreeMap;

use mcpo2_core::Digest;

use super::{
    Entry, Malformed, Manifest, ManifestError,
    wire::{Reader, put_bytes, put_length},
    withheld::is_name,
};

const MAGIC: &[u8] = b"mcpo2 derived v1\n";

/// What an analyser found in the entries of a manifest: languages, symbols, estimates.
///
/// It is a block of its own, so another analyser changes no root. Facts are bytes that the analyser
/// alone reads, found by [`Entry::leaf`]: those of an entry that is the same in the next revision
/// are found there too, and those of one that is not are not.
///
/// Nothing proves that they are true. Who keeps a block keeps its [digest](Self::digest) too.
///
/// ```
/// use mcpo2_artifact::manifest::{Content, Derived, Entry};
/// let entry = Entry::new("a".parse()?, Content::Symlink { target: "b".into() });
/// let facts = [(entry.leaf(), b"dangling".to_vec())];
/// let derived = Derived::new("links-1", facts)?;
///
/// let read = Derived::from_bytes(&derived.to_bytes())?;
/// assert_eq!(read.facts(&entry), Some(&b"dangling"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    analyser: Box<str>,
    facts: BTreeMap<Digest, Box<[u8]>>,
}

impl Derived {
    /// The most bytes of one entry's facts.
    pub const MAX_FACTS: usize = 16 * 1024 * 1024;

    /// A block of facts by [`Entry::leaf`].
    ///
    /// The analyser's name has its version in it, and is 1 to 64 of `a-z`, `0-9`, `-`, `_`, `.`. Of
    /// facts for one entry the last remain.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Name`] for another name; [`ManifestError::TooMany`] for more entries than
    /// a manifest has, and for more than [`Derived::MAX_FACTS`] about one.
    pub fn new(
        analyser: &str,
        facts: impl IntoIterator<Item = (Digest, Vec<u8>)>,
    ) -> Result<Self, ManifestError> {
        let facts = facts.into_iter().map(|(leaf, facts)| (leaf, facts.into()));
        let facts: BTreeMap<Digest, Box<[u8]>> = facts.collect();
        if !is_name(analyser) {
            return Err(ManifestError::Name);
        }
        let too_long = facts.values().any(|facts| facts.len() > Self::MAX_FACTS);
        if too_long || facts.len() > Manifest::MAX_ENTRIES {
            return Err(ManifestError::TooMany);
        }
        let analyser = analyser.into();
        Ok(Self { analyser, facts })
    }

    /// The analyser and its version.
    #[must_use]
    pub fn analyser(&self) -> &str {
        &self.analyser
    }

    /// What it found in this entry.
    #[must_use]
    pub fn facts(&self, entry: &Entry) -> Option<&[u8]> {
        self.facts.get(&entry.leaf()).map(|facts| &**facts)
    }

    /// The facts of each entry, in the order of [`Entry::leaf`].
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &[u8])> {
        self.facts.iter().map(|(leaf, facts)| (leaf, &**facts))
    }

    /// The digest of the canonical bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_bytes(&mut bytes, self.analyser.as_bytes());
        put_length(&mut bytes, self.facts.len());
        for (leaf, facts) in &self.facts {
            bytes.extend_from_slice(leaf.as_bytes());
            put_bytes(&mut bytes, facts);
        }
        bytes
    }

    /// Reads what [`Derived::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] where any other bytes than these would say the same.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut from = Reader::new(bytes);
        from.magic(MAGIC)?;
        let analyser = from.text(64)?;
        let mut facts: Vec<(Digest, Vec<u8>)> = Vec::new();
        for _ in 0..from.length(Manifest::MAX_ENTRIES)? {
            let leaf = Digest::from_bytes(from.array()?);
            facts.push((leaf, from.bytes(Self::MAX_FACTS)?.to_vec()));
        }
        from.end()?;
        if !facts.is_sorted_by(|one, two| one.0 < two.0) {
            return Err(Malformed::Order.into());
        }
        Self::new(analyser, facts)
    }
}
