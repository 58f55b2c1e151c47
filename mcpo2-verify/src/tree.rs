use crate::{Hash, empty_root, node_hash};

/// The right edge of a tree: enough of it to append to it, and to know its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// The roots of the largest complete subtrees, from the left; one for each bit of `size`.
    hashes: Vec<Hash>,
}

/// Why a proof proves nothing, or a tree is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The sizes or the index do not go together.
    #[error("the sizes do not go together")]
    Size,
    /// There are more or fewer hashes than it takes.
    #[error("there are not as many hashes as it takes")]
    Length,
    /// The hashes lead to another root.
    #[error("the hashes lead to another root")]
    Root,
}

impl Frontier {
    /// A tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            hashes: Vec::new(),
        }
    }

    /// A tree of this size and right edge.
    ///
    /// # Errors
    ///
    /// [`TreeError::Length`] where a tree of this size has another number of such hashes.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Result<Self, TreeError> {
        let expected = usize::try_from(size.count_ones()).map_err(|_| TreeError::Length)?;
        if hashes.len() != expected {
            return Err(TreeError::Length);
        }
        Ok(Self { size, hashes })
    }

    /// Appends a leaf by its [`leaf_hash`](crate::leaf_hash).
    ///
    /// A tree of 2⁶⁴ − 1 leaves stays as it is.
    pub fn push(&mut self, leaf_hash: Hash) {
        let Some(size) = self.size.checked_add(1) else {
            return;
        };
        let mut hash = leaf_hash;
        for _ in 0..self.size.trailing_ones() {
            // INVARIANT: there is a hash for each bit of the size.
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size = size;
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the largest complete subtrees, from the left.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev();
        let Some(last) = hashes.next() else {
            return empty_root();
        };
        hashes.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Whether the leaf stands at `index` in the tree of this size and root.
///
/// RFC 9162, section 2.1.3.2.
///
/// # Errors
///
/// Where it is not proven.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf_hash: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), TreeError> {
    if index >= size {
        return Err(TreeError::Size);
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for sibling in proof {
        if last == 0 {
            return Err(TreeError::Length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    finish(last, hash == *root)
}

/// Whether the tree of `new_size` and `new_root` begins with that of `old_size` and `old_root`.
///
/// RFC 9162, section 2.1.4.2; a tree without leaves begins every tree, with an empty proof.
///
/// # Errors
///
/// Where it is not proven.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), TreeError> {
    if old_size > new_size {
        return Err(TreeError::Size);
    }
    if old_size == 0 || old_size == new_size {
        let known = old_size != 0 || *old_root == empty_root();
        let same = old_size != new_size || old_root == new_root;
        return match proof {
            [] => (known && same).then_some(()).ok_or(TreeError::Root),
            _ => Err(TreeError::Length),
        };
    }
    let (first, rest) = match proof {
        rest if old_size.is_power_of_two() => (*old_root, rest),
        [first, rest @ ..] => (*first, rest),
        [] => return Err(TreeError::Length),
    };
    let shift = (old_size - 1).trailing_ones();
    let edge = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    consistent(edge, first, rest, (old_root, new_root))
}

fn consistent(
    edge: (u64, u64),
    first: Hash,
    proof: &[Hash],
    roots: (&Hash, &Hash),
) -> Result<(), TreeError> {
    let (mut at, mut last) = edge;
    let (mut old, mut new) = (first, first);
    for sibling in proof {
        if last == 0 {
            return Err(TreeError::Length);
        }
        if at & 1 == 1 || at == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    finish(last, old == *roots.0 && new == *roots.1)
}

fn finish(last: u64, same: bool) -> Result<(), TreeError> {
    match (last, same) {
        (0, true) => Ok(()),
        (0, false) => Err(TreeError::Root),
        _ => Err(TreeError::Length),
    }
}
