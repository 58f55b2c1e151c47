use mcpo2_core::Digest;

use super::{
    Malformed,
    tree::Hash,
    wire::{Reader, put_number},
};

const CONTEXT: &str = "mcpo2 manifest root v1";

/// The version of the canonical bytes and of the root.
const VERSION: u64 = 1;

/// What the root of a manifest binds beside its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) spec: Digest,
    /// How many entries there are.
    pub(super) count: u64,
    /// The length of all files together, in bytes.
    pub(super) size: u64,
}

impl Head {
    /// The root of a manifest with this tree.
    pub(super) fn root(&self, tree: &Hash) -> Digest {
        let mut bytes = Vec::with_capacity(96);
        self.write(&mut bytes);
        bytes.extend_from_slice(tree);
        Digest::from_bytes(blake3::derive_key(CONTEXT, &bytes))
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        put_number(to, VERSION);
        to.extend_from_slice(self.spec.as_bytes());
        put_number(to, self.count);
        put_number(to, self.size);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if from.number()? != VERSION {
            return Err(Malformed::Version);
        }
        Ok(Self {
            spec: Digest::from_bytes(from.array()?),
            count: from.number()?,
            size: from.number()?,
        })
    }
}
