#![doc = include_str!("../README.md")]

pub mod blob;
pub mod conformance;
#[cfg(feature = "select")]
pub mod context;
#[cfg(feature = "select")]
pub mod facts;
#[cfg(feature = "ingest")]
pub mod ingest;
pub mod manifest;
pub mod range;
#[cfg(feature = "select")]
pub mod select;
pub mod token;

mod artifacts;
mod clock;
mod config;
mod error;
mod excerpt;
mod future;
mod index;
mod kept;
mod layer;
mod library;
mod object;
mod offload;
mod passing;
mod preview;
#[cfg(feature = "ingest")]
mod putting;
mod reader;
mod reference;
mod respond;
#[cfg(any(feature = "select", all(unix, feature = "archive")))]
mod run;
mod service;
mod store;
mod templates;
mod tools;
#[cfg(feature = "ingest")]
mod wait;

pub use artifacts::{Artifacts, Stored};
pub use clock::{Clock, SystemClock};
pub use config::{Config, StoreConfig};
pub use error::{ConfigError, Error, ErrorKind};
pub use excerpt::{Excerpt, Kind};
pub use future::ResponseFuture;
pub use layer::ArtifactLayer;
#[cfg(all(unix, feature = "archive"))]
pub use library::TreeTerms;
#[cfg(unix)]
pub use library::{CommitProgress, UploadTerms};
pub use library::{Library, commit_manifest, forget_name, manifest_label, name_manifest};
pub use passing::{Form, PassConfig, Passing, ReferenceLayer, ReferenceService};
#[cfg(feature = "ingest")]
pub use putting::{PutTreeError, TreePut, put_tree};
pub use reader::Reader;
pub use reference::{InvalidReference, Reference, Selector};
#[cfg(any(feature = "select", all(unix, feature = "archive")))]
pub use run::{Inline, Job, Run};
pub use service::ArtifactService;
pub use store::{DirStore, Key, MemoryStore, Store, StoreError, StoreErrorKind};
pub use tools::TOOLS;

use tools::View;

/// The `_meta` key of a digest.
pub const META_DIGEST: &str = "dev.mcpo2/digest";

/// The `_meta` key of the range of bytes that a reply holds: `[from, to]`, without `to` itself.
pub const META_RANGE: &str = "dev.mcpo2/range";

/// The `_meta` key of the length of the whole, in bytes.
pub const META_SIZE: &str = "dev.mcpo2/size";

/// The `_meta` key of the URI that reads on behind a reply; absent at the end.
pub const META_NEXT: &str = "dev.mcpo2/next";
