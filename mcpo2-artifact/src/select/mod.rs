//! Which parts of which files a task needs, within a budget of tokens.

mod cache;
mod chunks;
mod file;
mod index;
mod pack;
mod query;
mod score;
mod terms;
mod tokenizer;
#[allow(missing_docs)] pub mod tune;
mod weights;

pub use cache::{Cache, Key, MemoryCache};
pub use index::{Document, Index, Texts, Update};
pub use pack::{Item, Pack, SelectRequest, select};
#[cfg(feature = "tokenizer")]
pub use tokenizer::O200k;
pub use tokenizer::{Estimator, Tokenizer};
pub use weights::Weights;

/// A number of 32 bits as an index; none is too large where a machine has 32 bits.
pub(crate) fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// An index as a number of 32 bits; the largest where it has more.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// A count as a real number; beyond 32 bits, the largest of these.
pub(crate) fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
