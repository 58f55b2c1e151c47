use blake3::{
    Hasher,
    hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root},
};
use mcpo2_core::Digest;

use crate::manifest::{
    Malformed,
    tree::Hash,
    wire::{Reader, put_number},
};

use super::span::{GROUP, Span};

const MAGIC: &[u8] = b"mcpo2 groups v1\n";

/// The hashes of a file's groups of 16 KiB: with them a part is proven without reading the rest.
///
/// It takes 32 bytes for each group, which is a 512th of the file. They lead to the
/// [digest](Self::digest) of the file, so what was kept is checked by that.
///
/// ```
/// use mcpo2_artifact::manifest::excerpt::Groups;
/// use mcpo2_core::Digest;
/// let groups = Groups::of(&[7; 40_000]);
/// assert_eq!(groups.digest(), Digest::of(&[7; 40_000]));
/// assert_eq!(Groups::from_bytes(&groups.to_bytes())?, groups);
/// # Ok::<(), mcpo2_artifact::manifest::Malformed>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    size: u64,
    digest: Digest,
    /// The digest itself where there is one group, else the chaining value of each.
    values: Box<[Hash]>,
}

impl Groups {
    /// The groups of a file.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = GroupsHasher::new();
        hasher.update(content);
        hasher.finish()
    }

    /// The length of the file, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest of the file: that of its plain bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_number(&mut bytes, self.size);
        self.values
            .iter()
            .for_each(|value| bytes.extend_from_slice(value));
        bytes
    }

    /// Reads what [`Groups::to_bytes`] wrote.
    ///
    /// They are those of a file with [this digest](Self::digest), and of no other.
    ///
    /// # Errors
    ///
    /// [`Malformed`] where nothing would write it so.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes);
        from.magic(MAGIC)?;
        let size = from.number()?;
        let (values, rest) = from.rest().as_chunks();
        let expected = size.div_ceil(GROUP).max(1);
        if !rest.is_empty() || u64::try_from(values.len()) != Ok(expected) {
            return Err(Malformed::Length);
        }
        Ok(Self::new(size, values.into()))
    }

    fn new(size: u64, values: Box<[Hash]>) -> Self {
        let mut groups = Self {
            size,
            digest: Digest::from_bytes(Hash::default()),
            values,
        };
        let digest = match Span::whole(size).split() {
            None => groups.value(Span::whole(size)),
            Some((left, right)) => {
                let [left, right] = [left, right].map(|span| groups.value(span));
                *merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()
            }
        };
        groups.digest = Digest::from_bytes(digest);
        groups
    }

    /// The hash of a node, the root included.
    pub(super) fn node(&self, span: Span) -> Hash {
        match span == Span::whole(self.size) {
            true => *self.digest.as_bytes(),
            false => self.value(span),
        }
    }

    /// The chaining value of a node that is not the root.
    fn value(&self, span: Span) -> Hash {
        if let Some((left, right)) = span.split() {
            return merge_subtrees_non_root(&self.value(left), &self.value(right), Mode::Hash);
        }
        let index = usize::try_from(span.start / GROUP).ok();
        let value = index.and_then(|index| self.values.get(index));
        value.copied().unwrap_or_default()
    }
}

/// Makes [`Groups`] of a file that comes piece by piece, in 2 KiB and 32 bytes for each group.
///
/// ```
/// use mcpo2_artifact::manifest::excerpt::{Groups, GroupsHasher};
/// let mut hasher = GroupsHasher::new();
/// hasher.update(b"one ").update(b"two");
/// assert_eq!(hasher.finish(), Groups::of(b"one two"));
/// ```
#[derive(Debug, Clone)]
pub struct GroupsHasher {
    group: Hasher,
    /// The bytes that are in `group`.
    filled: u64,
    values: Vec<Hash>,
    size: u64,
}

impl GroupsHasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            group: Hasher::new(),
            filled: 0,
            values: Vec::new(),
            size: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, mut bytes: &[u8]) -> &mut Self {
        while !bytes.is_empty() {
            if self.filled == GROUP {
                self.values.push(self.group.finalize_non_root());
                self.group = Hasher::new();
                self.group.set_input_offset(self.size);
                self.filled = 0;
            }
            let room = usize::try_from(GROUP - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.group.update(now);
            let length = u64::try_from(now.len()).unwrap_or(u64::MAX);
            self.filled += length;
            self.size += length;
            bytes = later;
        }
        self
    }

    /// The groups of all that was taken.
    #[must_use]
    pub fn finish(mut self) -> Groups {
        self.values.push(match self.values.is_empty() {
            true => *self.group.finalize().as_bytes(),
            false => self.group.finalize_non_root(),
        });
        Groups::new(self.size, self.values.into())
    }
}

impl Default for GroupsHasher {
    fn default() -> Self {
        Self::new()
    }
}
