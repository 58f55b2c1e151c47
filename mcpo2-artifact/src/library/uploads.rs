//! Uploads: calls begin and commit them, bytes come in between.

mod commit;
mod progress;
#[cfg(feature = "archive")]
mod unpack;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use mcpo2_core::{
    ARTIFACT_SCHEME, Call, Digest, Error, ErrorKind, Method, Principal, Reply, Routed,
    message::result_response,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::progress::Progress;
use super::Library;
use crate::blob::{BlobError, BlobErrorKind, NewUpload, UploadId, UploadStatus, Uploads};

pub use self::progress::CommitProgress;
#[cfg(feature = "archive")]
pub use self::unpack::TreeTerms;

/// How far uploads go, and how long they live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadTerms {
    /// How long an upload and what became of it are kept, from when it began.
    pub kept: Duration,
    /// How many bytes one has at most.
    pub max_bytes: u64,
    /// How long the reference holds that a commit gives; at most as long as the blob is kept.
    pub reference: Duration,
}

/// Takes uploads, where a library does.
#[derive(Debug)]
pub(super) struct Intake {
    uploads: Arc<Uploads>,
    terms: UploadTerms,
    /// What is being committed.
    working: Mutex<HashMap<UploadId, Arc<Progress>>>,
}

impl Intake {
    pub(super) fn new(uploads: Arc<Uploads>, terms: UploadTerms) -> Self {
        Self {
            uploads,
            terms,
            working: Mutex::default(),
        }
    }

    fn working(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Progress>>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Create,
    Commit(UploadId),
}

/// The parameters of `mcpo2/artifacts/create`, beside `uri`.
#[derive(Debug, Deserialize)]
struct Create {
    size: Option<u64>,
    digest: Option<Digest>,
}

/// What `mcpo2/artifacts/create` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    id: String,
    uri: String,
    /// Seconds of the Unix epoch.
    expires: u64,
    max_bytes: u64,
}

impl Library {
    /// How far an upload of this principal is.
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound) where there is no such upload of his, and what the
    /// medium says.
    pub fn upload(&self, who: &Principal, id: &UploadId) -> Result<UploadStatus, BlobError> {
        let uploads = &self.intake()?.uploads;
        let status = uploads.status(who.tenant(), id)?;
        match status.owner == Some(who.binding()) {
            true => Ok(status),
            false => Err(BlobErrorKind::NotFound.into()),
        }
    }

    /// Takes the bytes of an upload of this principal that belong at this offset, and says where it
    /// goes on. That it may be was decided when it was begun, and is when it is committed.
    ///
    /// # Errors
    ///
    /// As [`Uploads::append`], and [`TooLarge`](BlobErrorKind::TooLarge).
    pub async fn append(
        &self,
        who: &Principal,
        id: &UploadId,
        offset: u64,
        bytes: Bytes,
    ) -> Result<u64, BlobError> {
        let status = self.upload(who, id)?;
        // Who did not hear that it was committed says again where it ends.
        if status.finished.is_some() && bytes.is_empty() && offset == status.offset {
            return Ok(offset);
        }
        let intake = self.intake()?;
        let length: u64 = bytes.len().try_into().unwrap_or(u64::MAX);
        if offset.saturating_add(length) > intake.terms.max_bytes {
            return Err(BlobErrorKind::TooLarge.into());
        }
        let tenant = who.tenant();
        intake.uploads.append(tenant, id, offset, bytes).await
    }

    /// Ends an upload of this principal. What was committed of it stays.
    ///
    /// # Errors
    ///
    /// As [`Uploads::abort`].
    pub async fn abort(&self, who: &Principal, id: &UploadId) -> Result<(), BlobError> {
        self.upload(who, id)?;
        self.intake()?.uploads.abort(who.tenant(), id).await
    }

    /// The URI that a call names which begins an upload, for the rules of a policy.
    #[must_use]
    pub fn new_upload_uri(&self) -> String {
        format!("{ARTIFACT_SCHEME}://{}/new", self.issuer.authority())
    }

    /// The URI of an upload, for calls and the rules of a policy.
    #[must_use]
    pub fn upload_uri(&self, id: &UploadId) -> String {
        format!("{ARTIFACT_SCHEME}://{}/u/{id}", self.issuer.authority())
    }

    /// How far the commit of an upload of this principal is; none where it is not being committed.
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload).
    pub fn committing(
        &self,
        who: &Principal,
        id: &UploadId,
    ) -> Result<Option<CommitProgress>, BlobError> {
        self.upload(who, id)?;
        let working = self.intake()?.working();
        Ok(working.get(id).map(|progress| progress.now()))
    }

    /// Whether a call begins or commits an upload.
    pub(crate) fn asked(&self, call: &Call) -> Option<Asked> {
        let uri = call.item()?.name();
        match call.method() {
            Method::ArtifactsCreate if uri == self.new_upload_uri() => Some(Asked::Create),
            Method::ArtifactsCommit => {
                let base = format!("{ARTIFACT_SCHEME}://{}/u/", self.issuer.authority());
                Some(Asked::Commit(uri.strip_prefix(&base)?.parse().ok()?))
            }
            _ => None,
        }
    }

    /// Answers a call that begins or commits an upload.
    pub(crate) async fn take_upload(
        self: Arc<Self>,
        asked: Asked,
        routed: Routed,
        now: SystemTime,
    ) -> Result<Reply, Error> {
        match asked {
            Asked::Create => {
                let created = self.create(&routed, now).await?;
                Ok(Reply::complete(response(&routed, &created)))
            }
            Asked::Commit(id) => self.take_commit(id, routed, now).await,
        }
    }

    async fn create(&self, routed: &Routed, now: SystemTime) -> Result<String, Error> {
        let Create { size, digest } = params(routed)?;
        let who = routed.call().principal();
        let intake = self.intake().map_err(|error| said(routed, error))?;
        if size.is_some_and(|size| size > intake.terms.max_bytes) {
            return Err(said(routed, BlobErrorKind::TooLarge.into()));
        }
        let expires = now.checked_add(intake.terms.kept).unwrap_or(now);
        let mut new = NewUpload::new(expires).of(who.binding());
        if let Some(size) = size {
            new = new.with_size(size);
        }
        if let Some(digest) = digest {
            new = new.with_digest(digest);
        }
        let status = intake.uploads.create(who.tenant(), new).await;
        let status = status.map_err(|error| said(routed, error))?;
        text(&Created {
            result_type: complete(routed),
            id: status.id.to_string(),
            uri: self.upload_uri(&status.id),
            expires: status.expires,
            max_bytes: intake.terms.max_bytes,
        })
    }

    fn intake(&self) -> Result<&Intake, BlobError> {
        self.intake
            .as_ref()
            .ok_or_else(|| BlobErrorKind::NotFound.into())
    }
}

fn params<T: DeserializeOwned>(routed: &Routed) -> Result<T, Error> {
    let params = routed.call().request().params().unwrap_or(b"{}");
    serde_json::from_slice(params)
        .map_err(|error| Error::new(ErrorKind::InvalidParams, "invalid params").with_source(error))
}

fn response(routed: &Routed, result: &str) -> Bytes {
    // What has no id is no request, and is not answered.
    let id = routed.call().request().id();
    id.map(|id| result_response(id, result)).unwrap_or_default()
}

fn text(result: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(result).map_err(broken)
}

fn complete(routed: &Routed) -> Option<&'static str> {
    routed.call().version().is_stateless().then_some("complete")
}

fn broken(error: impl Into<mcpo2_core::BoxError>) -> Error {
    Error::new(ErrorKind::Internal, "internal error").with_source(error)
}

/// What a caller is told.
fn said(routed: &Routed, error: BlobError) -> Error {
    let (kind, text) = match error.kind() {
        BlobErrorKind::NotFound => {
            let error =
                Error::not_found(ErrorKind::NotFound, routed.call().request()).with_source(error);
            return error;
        }
        BlobErrorKind::Quota(_) => (ErrorKind::TooLarge, "the quota is used up"),
        BlobErrorKind::TooLarge => (ErrorKind::TooLarge, "longer than an upload may be"),
        BlobErrorKind::Mismatch => (ErrorKind::InvalidParams, "not what was announced"),
        BlobErrorKind::Full => (ErrorKind::Unavailable, "no room"),
        _ => (ErrorKind::Internal, "internal error"),
    };
    Error::new(kind, text).with_source(error)
}

fn no_trees() -> Error {
    Error::new(ErrorKind::InvalidParams, "no trees are taken here")
}
