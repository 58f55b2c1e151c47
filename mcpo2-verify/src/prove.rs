use std::io;

use crate::{Hash, node_hash};

/// Where the hashes of a tree are read from.
pub trait Hashes {
    /// The root of the complete subtree of leaves `index << level .. (index + 1) << level`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or the tree has no such subtree.
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash>;
}

impl<T: Hashes + ?Sized> Hashes for &T {
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash> {
        T::hash(self, level, index)
    }
}

/// The hashes that prove a leaf to a [`verify_inclusion`](crate::verify_inclusion).
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) where the tree has no such leaf, and what
/// `hashes` says.
pub fn prove_inclusion(hashes: &impl Hashes, index: u64, size: u64) -> io::Result<Vec<Hash>> {
    if index >= size {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut proof = Vec::new();
    let (mut low, mut high) = (0, size);
    while high - low > 1 {
        let middle = low + half(high - low);
        if index < middle {
            proof.push(range(hashes, middle, high)?);
            high = middle;
        } else {
            proof.push(range(hashes, low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that prove to a [`verify_consistency`](crate::verify_consistency) that one tree
/// begins with the other.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) where the old tree is larger than the new one,
/// and what `hashes` says.
pub fn prove_consistency(hashes: &impl Hashes, old: u64, new: u64) -> io::Result<Vec<Hash>> {
    if old > new {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let (mut low, mut high) = (0, new);
    while high != old {
        let middle = low + half(high - low);
        if old <= middle {
            proof.push(range(hashes, middle, high)?);
            high = middle;
        } else {
            proof.push(range(hashes, low, middle)?);
            low = middle;
        }
    }
    if low != 0 {
        proof.push(range(hashes, low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two that is less than `size`, which is above 1.
fn half(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The root of the leaves from `low` to `high`, where `low` is a multiple of every power of two
/// that fits between them.
fn range(hashes: &impl Hashes, low: u64, high: u64) -> io::Result<Hash> {
    let (mut low, mut left) = (low, Vec::new());
    while low < high {
        let level = (high - low).ilog2();
        left.push(hashes.hash(level, low >> level)?);
        low += 1 << level;
    }
    let mut hashes = left.iter().rev();
    let last = hashes.next().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(hashes.fold(*last, |right, left| node_hash(left, &right)))
}
