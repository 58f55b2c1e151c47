//! Parts of files, proven from the root of a manifest.
//!
//! A file's digest is the root of BLAKE3's own tree over its bytes, so a part of it is proven by
//! the bytes of that part and the hashes beside it. An [`ExcerptProof`] has these, the entry of the
//! file, and the hashes from there to the root of the manifest: who has that root needs nothing
//! else. Files are cut in groups of 16 KiB, so a proof has the groups that the part touches, and
//! 32 bytes for each time that the rest of the file is twice as long.
//!
//! Which lines these are is proven only where all bytes before them are in the proof too, for
//! lines are numbered by counting line ends from the beginning: see [`Cover`].
//!
//! ```
//! use mcpo2_artifact::manifest::excerpt::{Cover, ExcerptProof, Groups, lines};
//! use mcpo2_artifact::manifest::{Content, Entry, Manifest, Mode};
//! # use mcpo2_core::Digest;
//!
//! let text = b"fn f() {}\nfn g() {}\n";
//! let groups = Groups::of(text);
//! let content = Content::File { mode: Mode::Plain, size: groups.size(), digest: groups.digest() };
//! let entry = Entry::new("src/lib.rs".parse()?, content);
//! let manifest = Manifest::new(Digest::of(b"all files"), vec![entry], vec![])?;
//!
//! let second = lines(text, 2..=2).ok_or("no such line")?;
//! let plan = manifest.plan("src/lib.rs", &groups, second, Cover::Beginning)?;
//! assert_eq!(plan.reads(), 0..20, "what a store is asked for");
//! let proof = plan.prove(text)?.to_bytes();
//!
//! // elsewhere, with the root alone
//! let proof = ExcerptProof::from_bytes(&proof)?;
//! let excerpt = proof.verify(&manifest.root())?;
//! assert_eq!(excerpt.bytes(), b"fn g() {}\n");
//! assert_eq!(excerpt.lines(), Some(2..=2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod groups;
mod lines;
mod plan;
mod proof;
mod span;

pub use groups::{Groups, GroupsHasher};
pub use lines::lines;
pub use plan::Plan;
pub use proof::{Excerpt, ExcerptProof};
pub use span::Cover;
