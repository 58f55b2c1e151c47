//! The Merkle tree over the entries: the shape of RFC 9162, section 2.1, with BLAKE3 in its key
//! derivation mode in place of prefixes.

use std::sync::LazyLock;

use blake3::{
    Hasher,
    hazmat::{ContextKey, HasherExt as _, hash_derive_key_context},
};

pub(super) type Hash = [u8; 32];

static LEAF: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("mcpo2 manifest leaf v1"));
static NODE: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("mcpo2 manifest node v1"));

const EMPTY: &str = "mcpo2 manifest empty v1";

/// The hash of an entry, of its canonical bytes.
pub(super) fn leaf(entry: &[u8]) -> Hash {
    let mut hasher = Hasher::new_from_context_key(&LEAF);
    *hasher.update(entry).finalize().as_bytes()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Hasher::new_from_context_key(&NODE);
    *hasher.update(left).update(right).finalize().as_bytes()
}

/// All hashes of a tree, level by level: the leaves first, the root last.
///
/// The last node of a level that has no neighbour stands in the next one too, which gives the same
/// tree as the RFC's largest powers of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    levels: Vec<Box<[Hash]>>,
}

impl Tree {
    pub(super) fn of(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves.into_boxed_slice()];
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let (pairs, single) = last.as_chunks();
            let nodes = pairs.iter().map(|[left, right]| node(left, right));
            let next = nodes.chain(single.iter().copied()).collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// The hash of the whole; that of no entry where there is none.
    pub(super) fn root(&self) -> Hash {
        let top = self.levels.last().and_then(|top| top.first());
        top.copied().unwrap_or_else(empty)
    }

    /// The hashes beside the way from this leaf to the root, from below.
    pub(super) fn path(&self, index: usize) -> Vec<Hash> {
        let levels = self.levels.iter().enumerate();
        let siblings = levels.filter_map(|(up, level)| level.get((index >> up) ^ 1));
        siblings.copied().collect()
    }

    /// The node at this place of a level; level 0 is that of the leaves.
    pub(super) fn node(&self, level: usize, at: usize) -> Option<&Hash> {
        self.levels.get(level)?.get(at)
    }

    /// How many levels there are; one at least.
    pub(super) fn height(&self) -> usize {
        self.levels.len()
    }
}

pub(super) fn empty() -> Hash {
    blake3::derive_key(EMPTY, b"")
}

/// How many hashes lead from this leaf to the root of a tree of so many.
pub(super) fn path_length(index: u64, count: u64) -> usize {
    let (mut at, mut last) = (index, count.saturating_sub(1));
    let mut length = 0;
    while last > 0 {
        length += usize::from((at ^ 1) <= last);
        (at, last) = (at >> 1, last >> 1);
    }
    length
}

/// The root that these hashes lead to from a leaf; none where they are too few or too many.
pub(super) fn climb(index: u64, count: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    let (mut at, mut last) = (index, count.checked_sub(1)?);
    let (mut hash, mut path) = (leaf, path.iter());
    if at > last {
        return None;
    }
    while last > 0 {
        if (at ^ 1) <= last {
            let sibling = path.next()?;
            hash = match at & 1 {
                0 => node(&hash, sibling),
                _ => node(sibling, &hash),
            };
        }
        (at, last) = (at >> 1, last >> 1);
    }
    path.next().is_none().then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9162, section 2.1.1, word for word.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                node(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn the_tree_is_that_of_the_rfc() {
        let leaves: Vec<Hash> = (0..70_u8).map(|n| leaf(&[n])).collect();
        for count in 0..=leaves.len() {
            let tree = Tree::of(leaves[..count].to_vec());
            assert_eq!(tree.root(), by_definition(&leaves[..count]), "{count}");
        }
    }

    #[test]
    fn a_path_leads_from_its_leaf_to_the_root_and_from_no_other() {
        let leaves: Vec<Hash> = (0..40_u8).map(|n| leaf(&[n])).collect();
        for count in 1..=leaves.len() {
            let tree = Tree::of(leaves[..count].to_vec());
            let size = count as u64;
            for (at, leaf) in leaves[..count].iter().enumerate() {
                let path = tree.path(at);
                assert_eq!(path.len(), path_length(at as u64, size));
                for index in 0..size {
                    let found = climb(index, size, *leaf, &path);
                    assert_eq!(found == Some(tree.root()), index == at as u64);
                }
                let mut longer = path.clone();
                longer.push(Hash::default());
                assert_eq!(climb(at as u64, size, *leaf, &longer), None);
                assert_eq!(climb(size, size, *leaf, &path), None);
            }
        }
    }
}
