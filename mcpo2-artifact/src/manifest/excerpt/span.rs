//! The tree of a file: which of its nodes a part covers, and how they come together to its digest.

use std::ops::Range;

use blake3::hazmat::{Mode, merge_subtrees_non_root, merge_subtrees_root};

use crate::manifest::{ProofError, tree::Hash};

/// What is not cut any further: 16 of BLAKE3's chunks, as bao-tree has it by default in iroh.
pub(super) const GROUP: u64 = 16 * 1024;

/// How much of a file is in a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cover {
    /// The groups that the part touches; the numbers of its lines are proven only if the first
    /// group of the file is among them.
    Part,
    /// All from the beginning of the file, which proves the numbers of the lines.
    Beginning,
}

/// A part of a file, and the whole groups in which it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) range: Range<u64>,
    pub(super) cover: Cover,
}

/// A node of the tree by the bytes that are below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A node that a part covers whole, or not at all.
pub(super) enum Side {
    Inside(Span),
    Outside(Span),
}

impl Part {
    /// A part that is not empty, or the empty one of an empty file.
    pub(super) fn new(size: u64, range: Range<u64>, cover: Cover) -> Result<Self, ProofError> {
        let empty = size == 0 && range == (0..0);
        if range.end > size || (range.is_empty() && !empty) {
            return Err(ProofError::Range);
        }
        // Each proof has one form.
        let cover = match range.start < GROUP {
            true => Cover::Part,
            false => cover,
        };
        Ok(Self { size, range, cover })
    }

    /// The bytes that are in the proof.
    pub(super) fn covered(&self) -> Range<u64> {
        let start = match self.cover {
            Cover::Part => self.range.start / GROUP * GROUP,
            Cover::Beginning => 0,
        };
        let end = self.range.end.checked_next_multiple_of(GROUP);
        start..end.unwrap_or(u64::MAX).min(self.size)
    }

    /// The digest of the file, of what is known about the nodes beside the part and in it.
    pub(super) fn digest<E>(
        &self,
        mut known: impl FnMut(Side) -> Result<Hash, E>,
    ) -> Result<Hash, E> {
        let (whole, covered) = (Span::whole(self.size), self.covered());
        let Some((left, right)) = whole.split().filter(|_| !whole.is_within(&covered)) else {
            return known(Side::Inside(whole));
        };
        let left = left.value(&covered, &mut known)?;
        let right = right.value(&covered, &mut known)?;
        Ok(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
    }
}

impl Span {
    pub(super) fn whole(size: u64) -> Self {
        Self {
            start: 0,
            end: size,
        }
    }

    /// The two below it: the left one as many groups as is a power of two, the right one the rest.
    pub(super) fn split(self) -> Option<(Self, Self)> {
        let length = self.end - self.start;
        if length <= GROUP {
            return None;
        }
        let middle = self.start + length.div_ceil(2).next_power_of_two();
        let (start, end) = (self.start, self.end);
        let left = Self { start, end: middle };
        Some((left, Self { start: middle, end }))
    }

    pub(super) fn is_within(&self, range: &Range<u64>) -> bool {
        range.start <= self.start && self.end <= range.end
    }

    fn is_apart(&self, range: &Range<u64>) -> bool {
        self.end <= range.start || range.end <= self.start
    }

    /// Its chaining value, as a node that is not the root.
    fn value<E>(
        self,
        covered: &Range<u64>,
        known: &mut impl FnMut(Side) -> Result<Hash, E>,
    ) -> Result<Hash, E> {
        if self.is_apart(covered) {
            return known(Side::Outside(self));
        }
        // INVARIANT: a group that is covered in part is covered whole.
        let Some((left, right)) = self.split().filter(|_| !self.is_within(covered)) else {
            return known(Side::Inside(self));
        };
        let left = left.value(covered, known)?;
        let right = right.value(covered, known)?;
        Ok(merge_subtrees_non_root(&left, &right, Mode::Hash))
    }
}
