#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
mod bucket;
mod list;
mod turns;
mod writer;

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMode, path::Path,
};

use self::{list::Order, turns::Turns, writer::Writer};
use super::{
    BlobError, BlobErrorKind, BlobName, BlobStore, BlobWriter, Head, Kind, Listed, Put, Space,
};
use crate::Key;

/// Keeps blobs in a bucket of S3, GCS or Azure, or in whatever else `object_store` stores to.
///
/// Names are `<prefix>/<space>/<kind>/<key>`. What is short is put by one request that the store
/// itself refuses where something is under the name (`If-None-Match: *` and its like); what is
/// longer than 8 MiB goes in parts, one at a time, of which one is in memory.
///
/// What a bucket needs:
///
/// - A prefix that no other process writes to. The request that ends an upload in parts has no such
///   condition: what is under its name is looked for just before, and of all who share this value and
///   its clones one at a time makes an object of one name. Another process could come between, and
///   would replace the object.
/// - Reads and lists that see every write before them, and lists in the order of names. Buckets of S3
///   Express have no order.
/// - Rights to get, put, delete, list, and abort uploads. Where the right to list is missing, S3 says
///   of what is not there that it is forbidden: [`Io`](BlobErrorKind::Io).
/// - A rule that ends uploads in parts that were given up. One that is dropped here is aborted when
///   the next begins; after a crash, only the bucket can.
/// - No other rule that deletes or moves, no versions, and no default encryption with a key that who
///   reads a signed URL has not.
///
/// A store that knows no such condition is asked first what is there: then the same holds for what is
/// short. One that ignores it must be told so (`S3ConditionalPut::Disabled`).
///
/// How long a call waits is for the client that is given: build it with `client_options` and
/// `retry_config`. What was given up may still be carried out. The clients of buckets run on a runtime
/// of Tokio that has its I/O and its time.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use mcpo2_artifact::blob::{ObjectBlobs, conformance};
/// use object_store::memory::InMemory;
/// let store = ObjectBlobs::new(InMemory::new(), "gateway-1");
/// conformance::check(&store).await.unwrap();
/// # });
/// ```
#[derive(Clone)]
pub struct ObjectBlobs {
    store: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Sign>>,
    prefix: Path,
    order: Order,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    turns: Turns,
    /// Uploads whose writer was dropped.
    given_up: Mutex<Vec<Box<dyn MultipartUpload>>>,
}

/// Makes the URLs of a store that has any.
#[async_trait]
trait Sign: Send + Sync {
    async fn url(&self, path: &Path, valid: Duration) -> Result<String, BlobError>;
}

impl ObjectBlobs {
    /// Blobs below this prefix of any store. Each page of a list asks for all that there is.
    ///
    /// A `LocalFileSystem` keeps what was put over a crash only `with_fsync`; files are rather for
    /// [`FsBlobs`](super::FsBlobs).
    #[must_use]
    pub fn new(store: impl ObjectStore, prefix: &str) -> Self {
        Self {
            store: Arc::new(store),
            signer: None,
            prefix: Path::from(prefix),
            order: Order::Any,
            shared: Arc::default(),
        }
    }

    fn path(&self, name: &BlobName) -> Path {
        self.dir(&name.space, name.kind).join(name.key.to_string())
    }

    fn dir(&self, space: &Space, kind: Kind) -> Path {
        let space = self.prefix.clone().join(space.to_string());
        space.join(kind.letter())
    }

    async fn meta(&self, path: &Path) -> Result<Option<ObjectMeta>, BlobError> {
        match self.store.head(path).await {
            Ok(meta) => Ok(Some(meta)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    async fn put_at(&self, path: &Path, bytes: Bytes) -> Result<Put, BlobError> {
        let _turn = self.shared.turns.take(path).await;
        let mode = PutMode::Create.into();
        match self.store.put_opts(path, bytes.clone().into(), mode).await {
            Ok(_) => return Ok(Put::Created),
            // A request that met another's is answered so as well: then nothing may be there.
            Err(error @ Error::AlreadyExists { .. }) => {
                return match self.meta(path).await? {
                    Some(_) => Ok(Put::Present),
                    None => Err(refused(error)),
                };
            }
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {}
            Err(error) => return Err(unwritten(error)),
        }
        if self.meta(path).await?.is_some() {
            return Ok(Put::Present);
        }
        let put = self.store.put(path, bytes.into()).await;
        put.map(|_| Put::Created).map_err(unwritten)
    }

    /// Takes an upload that its writer left.
    fn give_up(&self, upload: Box<dyn MultipartUpload>) {
        let given_up = self.shared.given_up.lock();
        given_up
            .unwrap_or_else(PoisonError::into_inner)
            .push(upload);
    }

    /// Aborts what was given up. Best effort: what then stays is for the rule of the bucket.
    async fn abort_given_up(&self) {
        let mut uploads = {
            let given_up = self.shared.given_up.lock();
            std::mem::take(&mut *given_up.unwrap_or_else(PoisonError::into_inner))
        };
        join_all(uploads.iter_mut().map(|upload| upload.abort())).await;
    }
}

#[async_trait]
impl BlobStore for ObjectBlobs {
    async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError> {
        self.put_at(&self.path(name), bytes).await
    }

    async fn writer(&self, name: &BlobName, size: u64) -> Result<Box<dyn BlobWriter>, BlobError> {
        self.abort_given_up().await;
        let writer = Writer::begin(self.clone(), self.path(name), size).await?;
        Ok(Box::new(writer))
    }

    async fn read(&self, name: &BlobName, range: Range<u64>) -> Result<Bytes, BlobError> {
        let path = self.path(name);
        if range.is_empty() {
            let meta = self.meta(&path).await?;
            return Ok(meta.map(|_| Bytes::new()).ok_or(BlobErrorKind::NotFound)?);
        }
        let options = GetOptions {
            range: Some(wanted(&range)),
            ..GetOptions::default()
        };
        let error = match self.store.get_opts(&path, options).await {
            Ok(found) => return found.bytes().await.map_err(refused),
            Err(error) => refused(error),
        };
        // Stores refuse a range behind the end, each in its own words.
        if error.kind() == BlobErrorKind::Io
            && let Ok(Some(meta)) = self.meta(&path).await
            && range.start >= meta.size
        {
            return Ok(Bytes::new());
        }
        Err(error)
    }

    async fn head(&self, name: &BlobName) -> Result<Option<Head>, BlobError> {
        let meta = self.meta(&self.path(name)).await?;
        Ok(meta.as_ref().map(list::head))
    }

    async fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    async fn list(
        &self,
        space: &Space,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, BlobError> {
        let dir = self.dir(space, kind);
        list::page(&*self.store, &dir, self.order, after, limit).await
    }

    async fn spaces(&self) -> Result<Vec<Space>, BlobError> {
        list::spaces(&*self.store, &self.prefix).await
    }

    /// [`Unsupported`](BlobErrorKind::Unsupported) for less than a second or more than a week. A URL
    /// ends with the credentials that it was signed with, where these end sooner.
    async fn presign(&self, name: &BlobName, valid: Duration) -> Result<Option<String>, BlobError> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        signer.url(&self.path(name), valid).await.map(Some)
    }
}

impl fmt::Debug for ObjectBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By its name: a debugged client may tell how it is configured.
        f.debug_struct("ObjectBlobs")
            .field("store", &format_args!("{}", self.store))
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn wanted(range: &Range<u64>) -> GetRange {
    // Servers that count in 63 bits refuse an end behind them.
    match i64::try_from(range.end) {
        Ok(_) => GetRange::Bounded(range.clone()),
        Err(_) => GetRange::Offset(range.start),
    }
}

fn refused(error: Error) -> BlobError {
    let kind = match &error {
        Error::NotFound { .. } => BlobErrorKind::NotFound,
        Error::NotImplemented { .. } | Error::NotSupported { .. } => BlobErrorKind::Unsupported,
        error if has_no_room(error) => BlobErrorKind::Full,
        _ => BlobErrorKind::Io,
    };
    BlobError::new(kind).with_source(error)
}

/// The same of what makes or lists objects: what is not found then is the bucket.
fn unwritten(error: Error) -> BlobError {
    match error {
        Error::NotFound { .. } => BlobError::new(BlobErrorKind::Io).with_source(error),
        error => refused(error),
    }
}

/// Only files say so in a way that can be told.
fn has_no_room(error: &Error) -> bool {
    use std::{error::Error as StdError, io};
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if let Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) = kind {
            return true;
        }
        cause = error.source();
    }
    false
}
