use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use crate::text;

/// A hash of 32 bytes: SHA-256 in the tree, BLAKE3 elsewhere.
pub type Hash = [u8; 32];

const RECORD: &str = "mcpo2 2026 audit record v1";
const CHAIN: &str = "mcpo2 2026 audit chain v1";
const SUBJECT: &str = "mcpo2 2026 audit subject v1";

// To derive the key of a context anew takes as long as to hash a record, so it is done once.
static RECORDS: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key(RECORD));
static CHAINS: LazyLock<blake3::Hasher> = LazyLock::new(|| blake3::Hasher::new_derive_key(CHAIN));
static SUBJECTS: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key(SUBJECT));

fn derived(context: &LazyLock<blake3::Hasher>, parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::clone(context);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The digest of a record's body, which stands in its leaf.
#[must_use]
pub fn record_digest(body: &[u8]) -> Hash {
    derived(&RECORDS, &[body])
}

/// The chain behind a leaf, from the chain before it.
#[must_use]
pub fn chain_next(before: &Hash, leaf: &[u8; crate::LEAF]) -> Hash {
    derived(&CHAINS, &[before, leaf])
}

pub(crate) fn subject_digest(key: &[u8; 32]) -> Hash {
    derived(&SUBJECTS, &[key])
}

/// The root of a tree without leaves: SHA-256 of nothing (RFC 6962, section 2.1).
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The hash of an entry of the tree: `SHA-256(0x00 ‖ entry)`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(entry)
        .finalize()
        .into()
}

/// The hash of a node of the tree: `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// A hash in base64, as it stands in notes and proofs.
#[must_use]
pub fn hash_to_base64(hash: &Hash) -> String {
    text::to_base64(hash)
}

/// The hash that stands there in base64; `None` where none does.
#[must_use]
pub fn hash_from_base64(text: &str) -> Option<Hash> {
    text::base64_32(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_keep_equal_bytes_apart() {
        let leaf = [7; crate::LEAF];
        let mut both = vec![0; 32];
        both.extend(leaf);
        let chain = chain_next(&[0; 32], &leaf);
        assert_eq!(chain, blake3::derive_key(CHAIN, &both));
        assert_eq!(record_digest(&both), blake3::derive_key(RECORD, &both));
        assert_ne!(chain, record_digest(&both));
    }
}
