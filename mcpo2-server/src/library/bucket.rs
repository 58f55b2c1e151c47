//! The bucket in which the blobs of a library are, where the configuration names one.

#[cfg(feature = "s3")]
mod s3;

use std::{borrow::Cow, sync::Arc};

use mcpo2_artifact::blob::BlobStore;

use crate::config::Bucket;

/// What is wrong with a bucket, and which of its keys says so; none where it is all of it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) key: Option<&'static str>,
    message: Cow<'static, str>,
}

/// The blobs in this bucket, which is not asked yet.
#[cfg(feature = "s3")]
pub(crate) fn open(bucket: &Bucket) -> Result<Arc<dyn BlobStore>, Fault> {
    Ok(Arc::new(s3::open(bucket)?))
}

/// In this build there is none.
#[cfg(not(feature = "s3"))]
pub(crate) fn open(_: &Bucket) -> Result<Arc<dyn BlobStore>, Fault> {
    let message = "this program is built without the feature `s3`".into();
    Err(Fault { key: None, message })
}
