//! The inner hashes of BLAKE3, one for each group of bytes, so that a range is verified without
//! the rest: they hash to the digest of the whole.

use blake3::{
    Hasher,
    hazmat::{
        ChainingValue, HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root,
        merge_subtrees_root,
    },
};
use bytes::{BufMut as _, Bytes, BytesMut};
use mcpo2_core::Digest;

/// The bytes that are verified together: a power of two times BLAKE3's 1,024.
pub(crate) const GROUP: u64 = 256 * 1024;
const VALUE: usize = 32;

/// How long the tree of content is, where it has one: that of one group is verified as it is.
pub(crate) fn tree_size(size: u64) -> Option<u64> {
    (size > GROUP).then(|| size.div_ceil(GROUP).saturating_mul(32))
}

/// Takes content, and gives its digest and its tree.
#[derive(Debug, Clone)]
pub(crate) struct TreeHasher {
    values: Vec<ChainingValue>,
    group: Hasher,
    /// Of the group that is being hashed.
    filled: u64,
    size: u64,
}

impl TreeHasher {
    pub(crate) fn new() -> Self {
        Self {
            values: Vec::new(),
            group: Hasher::new(),
            filled: 0,
            size: 0,
        }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // Not earlier: the last group, if it is the only one, is the root.
            if self.filled == GROUP {
                self.values.push(self.group.finalize_non_root());
                self.group = group_at(self.size);
                self.filled = 0;
            }
            let room = usize::try_from(GROUP - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.group.update(now);
            let length = now.len().try_into().unwrap_or(u64::MAX);
            self.filled = self.filled.saturating_add(length);
            self.size = self.size.saturating_add(length);
            bytes = later;
        }
    }

    pub(crate) fn finish(mut self) -> (Digest, Option<Bytes>) {
        if self.values.is_empty() {
            return (self.group.finalize().into(), None);
        }
        self.values.push(self.group.finalize_non_root());
        let digest = root(&self.values, self.size);
        let mut tree = BytesMut::with_capacity(self.values.len().saturating_mul(VALUE));
        self.values.iter().for_each(|value| tree.put_slice(value));
        // There are at least two, so there is a root.
        (
            digest.unwrap_or_else(|| self.group.finalize().into()),
            Some(tree.freeze()),
        )
    }
}

/// A tree that hashes to its digest.
#[derive(Debug, Clone)]
pub(crate) struct Tree(Vec<ChainingValue>);

impl Tree {
    /// The tree in these bytes, if it is that of content of this digest and size.
    pub(crate) fn parse(bytes: &[u8], size: u64, digest: &Digest) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<VALUE>();
        let count = u64::try_from(values.len()).ok()?;
        if !rest.is_empty() || count != size.div_ceil(GROUP) {
            return None;
        }
        (root(values, size)? == *digest).then(|| Self(values.to_vec()))
    }

    /// Whether these are the bytes from this offset, which begins a group; the last may be cut by
    /// the end of the content only.
    pub(crate) fn holds(&self, offset: u64, bytes: &[u8]) -> bool {
        let group = usize::try_from(GROUP).unwrap_or(usize::MAX);
        let Ok(first) = usize::try_from(offset / GROUP) else {
            return false;
        };
        let mut at = offset;
        for (index, bytes) in (first..).zip(bytes.chunks(group)) {
            let value = group_at(at).update(bytes).finalize_non_root();
            if self.0.get(index) != Some(&value) {
                return false;
            }
            at = at.saturating_add(GROUP);
        }
        true
    }
}

fn group_at(offset: u64) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset);
    hasher
}

/// The digest of content of this size that has these values; none of fewer than two.
fn root(values: &[ChainingValue], size: u64) -> Option<Digest> {
    let (left, right) = halves(values, size)?;
    Some(merge_subtrees_root(&left, &right, Mode::Hash).into())
}

fn value(values: &[ChainingValue], size: u64) -> Option<ChainingValue> {
    if let [one] = values {
        return Some(*one);
    }
    let (left, right) = halves(values, size)?;
    Some(merge_subtrees_non_root(&left, &right, Mode::Hash))
}

fn halves(values: &[ChainingValue], size: u64) -> Option<(ChainingValue, ChainingValue)> {
    if values.len() < 2 || size <= GROUP {
        return None;
    }
    let left = left_subtree_len(size);
    let at = usize::try_from(left / GROUP).ok()?;
    let (first, second) = values.split_at_checked(at)?;
    Some((value(first, left)?, value(second, size.checked_sub(left)?)?))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::*;

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|at| (at * 31 / 7 % 251) as u8).collect()
    }

    #[test]
    fn digest_is_that_of_the_bytes_however_they_come() {
        let group = GROUP as usize;
        for size in [
            0,
            1,
            1025,
            group - 1,
            group,
            group + 1,
            2 * group,
            3 * group + 5,
            5 * group,
        ] {
            let content = content(size);
            for part in [7 * 1024 + 1, group, group + 1] {
                let mut hasher = TreeHasher::new();
                content.chunks(part).for_each(|part| hasher.update(part));
                let (digest, tree) = hasher.finish();
                assert_eq!(digest, Digest::of(&content), "{size} by {part}");
                let length = tree.as_ref().map(|tree| tree.len() as u64);
                assert_eq!(length, tree_size(size as u64), "{size}");
            }
        }
    }

    #[test]
    fn one_changed_byte_in_tree_or_content_does_not_hold() {
        let content = content(3 * GROUP as usize + 9);
        let size = content.len() as u64;
        let mut hasher = TreeHasher::new();
        hasher.update(&content);
        let (digest, tree) = hasher.finish();
        let bytes = tree.unwrap();
        let tree = Tree::parse(&bytes, size, &digest).unwrap();
        for group in 0..4 {
            let offset = group * GROUP;
            let end = (offset + GROUP).min(size) as usize;
            let mut part = content[offset as usize..end].to_vec();
            assert!(tree.holds(offset, &part));
            part[3] ^= 1;
            assert!(!tree.holds(offset, &part));
        }
        assert!(tree.holds(GROUP, &content[GROUP as usize..]));
        assert!(!tree.holds(4 * GROUP, b"more"));
        for at in [0, 33, bytes.len() - 1] {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            assert!(Tree::parse(&bytes, size, &digest).is_none());
        }
        assert!(Tree::parse(&bytes[..96], size, &digest).is_none());
        assert!(Tree::parse(&bytes, size + GROUP, &digest).is_none());
    }
}
