//! Content-addressed blobs of many tenants: verified reads, quotas, leases, pins and sweeping.
//!
//! A [`Depot`] stands over one [`BlobStore`]. Within a tenant, equal contents are kept once;
//! between tenants nothing is shared. A store knows an object by a [`BlobName`] only, which is made
//! with a key of the tenant: from a name nobody can tell the digest, and the same bytes of two
//! tenants have nothing in common.
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! use std::{sync::Arc, time::Duration};
//! use mcpo2_artifact::blob::{Depot, Keep, Limits, MasterKey, MemoryBlobs, Quotas, SweepOptions};
//!
//! let keys = Arc::new(MasterKey::new([7; 32]));
//! let quotas = Quotas::new(Limits::NONE.with_stored_bytes(1 << 20));
//! let depot = Depot::new(Arc::new(MemoryBlobs::new(1 << 30)), keys, quotas);
//! let acme = depot.tenant(&"acme".parse()?)?;
//!
//! // What a session put is safe from the sweep; once it is committed, as long as it is kept.
//! let session = acme.session().await?;
//! let digest = session.put("fn main() {}".into()).await?;
//! session.commit("manifest 1", Keep::Pinned("owner")).await?;
//! drop(session);
//! assert_eq!(acme.read(&digest, 3..7).await?, "main");
//!
//! acme.unpin("manifest 1", "owner").await?;
//! depot.sweep(&SweepOptions::default().with_grace(Duration::ZERO)).await?;
//! assert!(acme.read(&digest, 0..1).await.is_err());
//! assert_eq!(acme.usage().await?.stored_bytes, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! With the feature `object-store` there is `ObjectBlobs`, over whatever the crate `object_store`
//! stores to; with `s3`, `gcs` or `azure`, that is a bucket.
//!
//! What it does not do: two processes on one store. [`FsBlobs`] refuses the second by a lock; give
//! each gateway its own prefix of a bucket. Unless a depot keeps large content
//! [in chunks](Depot::with_chunks), two large objects that differ in one byte are kept twice. Who sees
//! the store sees how long chunks are: a key of the tenant decides where content is cut, but who also
//! chooses much of the content may learn how.

pub mod conformance;

mod chunks;
mod claim;
mod depot;
mod encode;
mod error;
#[cfg(unix)]
mod fs;
mod hold;
#[cfg(unix)]
mod key_dir;
mod keys;
mod ledger;
mod memory;
mod name;
#[cfg(feature = "object-store")]
mod object;
mod quota;
mod reader;
mod record;
mod room;
#[cfg(feature = "encrypt")]
mod seal;
mod session;
mod space;
mod store;
mod sweep;
mod tenant;
mod tree;
mod turns;
#[cfg(unix)]
mod upload;
mod writer;

pub use chunks::{Chunk, ChunkIndex, Chunking, InvalidChunking};
pub use depot::Depot;
pub use error::{BlobError, BlobErrorKind};
#[cfg(unix)]
pub use fs::FsBlobs;
#[cfg(unix)]
pub use key_dir::KeyDir;
pub use keys::{KeySource, MasterKey, TenantKeys};
pub use memory::MemoryBlobs;
pub use name::{BlobName, Kind, Space};
#[cfg(feature = "object-store")]
pub use object::ObjectBlobs;
pub use quota::{Limits, Quotas, Resource, Usage};
pub use reader::BlobReader;
pub use record::{PinRecord, RecordError, RootRecord};
pub use session::{Keep, Session};
pub use store::{BlobStore, BlobWriter, Head, Listed, Put};
pub use sweep::{SweepOptions, SweepReport};
pub use tenant::TenantBlobs;
#[cfg(unix)]
pub use upload::{NewUpload, UploadId, UploadStatus, Uploads, upload_label};
pub use writer::ContentWriter;
