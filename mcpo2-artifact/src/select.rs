//! Which parts of which files a task needs, within a budget of tokens.
//!
//! An [`Index`] holds for each file, by its digest, its terms, symbols and chunks; a new revision
//! costs what changed. [`select`] ranks files and chunks by BM25 over text, names and paths, and by
//! what else speaks for them (a file that the task names, the scope of its title, names that the
//! best chunks define and use); two log-linear models make of that which share of what is wanted is
//! expected where, and chunks are taken greedily by what they gain for their tokens.
//!
//! ```
//! use std::{collections::HashMap, sync::Arc};
//!
//! use mcpo2_artifact::select::{
//!     Document, Estimator, Index, MemoryCache, SelectRequest, Texts, select,
//! };
//! use mcpo2_core::Digest;
//!
//! struct Files(HashMap<Digest, Arc<[u8]>>);
//! impl Texts for Files {
//!     fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
//!         self.0.get(digest).cloned()
//!     }
//! }
//!
//! let mut files = Files(HashMap::new());
//! let mut documents = Vec::new();
//! for (path, text) in [
//!     ("src/parser.rs", "/// Reads dates.\nfn parse_date(text: &str) {}\n"),
//!     ("src/report.rs", "fn print_report() {}\n"),
//! ] {
//!     let digest = Digest::of(text.as_bytes());
//!     files.0.insert(digest, text.as_bytes().into());
//!     documents.push(Document { path: path.into(), digest });
//! }
//! let mut index = Index::new();
//! index.update(&documents, &files, &mut MemoryCache::default());
//!
//! let request = SelectRequest::new("dates are parsed wrongly", 100);
//! let pack = select(&request, &index, &files, &Estimator);
//! assert_eq!(&*pack.items[0].path, "src/parser.rs");
//! assert!(pack.used <= 100);
//! ```

mod cache;
mod choose;
mod chunks;
mod file;
mod index;
mod model;
mod pack;
mod query;
mod render;
mod score;
mod source;
mod terms;
mod tokenizer;
mod weights;

pub use cache::{Cache, Key, MemoryCache};
pub use index::{Document, Index, Texts, Update};
pub use pack::{Item, Omitted, Pack, SelectRequest, Traced, select};
pub use render::Format;
#[cfg(feature = "tokenizer")]
pub use tokenizer::O200k;
pub use tokenizer::{Bytes, Estimator, Tokenizer};
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
