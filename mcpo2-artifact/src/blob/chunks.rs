//! Large content as chunks that an edit leaves alone, and a list of them.
//!
//! Each chunk is an object with a name that follows from its digest, sealed where the tenant's blobs
//! are, so a tenant has equal chunks once. The list is an object with a name that follows from the
//! digest of the whole, and a tag that only the tenant's keys make. Plain content has its tree as
//! well: a range is verified by groups, wherever it was cut. A sealed chunk opens under its own name
//! or not at all.

mod cut;
mod index;
mod read;
mod write;

pub use self::index::{Chunk, ChunkIndex};
pub(crate) use self::{
    cut::Cutter,
    read::{Chunks, find},
    write::ChunkWriter,
};
use super::tree::GROUP;

/// How large content is cut in chunks.
///
/// Where it is cut follows from the bytes and a key of the tenant, so that content which differs in a
/// few bytes differs in a few chunks, and equal content of two tenants is not cut alike. Chunks have
/// half to twice the mean size as a rule.
///
/// ```
/// use mcpo2_artifact::blob::Chunking;
/// let small = Chunking::default().with_sizes(16 << 10, 64 << 10, 256 << 10)?;
/// assert!(Chunking::default().with_sizes(3000, 1 << 20, 4 << 20).is_err());
/// # let _ = small;
/// # Ok::<(), mcpo2_artifact::blob::InvalidChunking>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunking {
    threshold: u64,
    least: u32,
    mean: u32,
    most: u32,
}

impl Chunking {
    /// The same, for content of at least this many bytes; 4 MiB by default. What has up to 256 KiB is
    /// kept whole at any rate, and so is what would have more than a million chunks.
    #[must_use]
    pub fn with_threshold(mut self, bytes: u64) -> Self {
        self.threshold = bytes;
        self
    }

    /// The same, with chunks of at least, on average and at most this many bytes, but for the last;
    /// 256 KiB, 1 MiB and 4 MiB by default. A writer holds up to four times the most in memory.
    ///
    /// # Errors
    ///
    /// [`InvalidChunking`] for others than powers of two from 4 KiB to 16 MiB, each larger than the
    /// one before.
    pub fn with_sizes(mut self, least: u32, mean: u32, most: u32) -> Result<Self, InvalidChunking> {
        let sizes = [least, mean, most];
        let holds = sizes.is_sorted_by(|one, next| one < next)
            && sizes.iter().all(|size| size.is_power_of_two())
            && least >= LEAST
            && most <= LONGEST;
        [self.least, self.mean, self.most] = sizes;
        if holds {
            Ok(self)
        } else {
            Err(InvalidChunking(()))
        }
    }

    /// Whether content of this size is cut.
    pub(crate) fn cuts(&self, size: u64) -> bool {
        size >= self.threshold && size > GROUP && self.most_chunks(size) <= ChunkIndex::MOST
    }

    /// How many chunks content of this size has at most.
    fn most_chunks(&self, size: u64) -> u64 {
        (size / u64::from(self.least.max(1))).saturating_add(1)
    }
}

const LEAST: u32 = 4 << 10;
/// The longest chunk that there may be, whatever cut it.
const LONGEST: u32 = 16 << 20;

impl Default for Chunking {
    fn default() -> Self {
        Self {
            threshold: 4 << 20,
            least: 256 << 10,
            mean: 1 << 20,
            most: 4 << 20,
        }
    }
}

/// Sizes are none that chunks can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chunks have three sizes, rising powers of two from 4 KiB to 16 MiB")]
pub struct InvalidChunking(());
