use bytes::Bytes;
use mcpo2_core::Digest;

use crate::{
    blob::{BlobError, BlobErrorKind, Keep, Session, TenantBlobs},
    manifest::{Content, Manifest},
};

/// The label under which a manifest with this root is committed.
#[must_use]
pub fn manifest_label(root: &Digest) -> String {
    format!("manifest {root}")
}

/// Commits a manifest, with all files whose bytes this session has put or claimed, so that
/// [`Library::manifest`](super::Library::manifest) finds it by its root.
///
/// # Errors
///
/// As [`Session::put`] and [`Session::commit_about`].
pub async fn commit_manifest(
    session: &Session,
    manifest: &Manifest,
    keep: Keep<'_>,
) -> Result<(), BlobError> {
    let subject = session.put(manifest.to_bytes().into()).await?;
    let label = manifest_label(&manifest.root());
    session.commit_about(&subject, &label, keep).await
}

/// Lets a name stand for this root, in the place of another, for as long as that is said.
///
/// # Errors
///
/// What the store says: then the name may stand for nothing.
pub async fn name_manifest(
    blobs: &TenantBlobs,
    name: &str,
    root: &Digest,
    keep: Keep<'_>,
) -> Result<(), BlobError> {
    let label = name_label(name);
    let session = blobs.session().await?;
    let subject = session.put(Bytes::copy_from_slice(root.as_bytes())).await?;
    match session.commit_about(&subject, &label, keep).await {
        Err(error) if error.kind() == BlobErrorKind::Mismatch => {
            blobs.forget(&label).await?;
            session.commit_about(&subject, &label, keep).await
        }
        done => done,
    }
}

/// Lets a name stand for nothing.
///
/// # Errors
///
/// As [`TenantBlobs::forget`].
pub async fn forget_name(blobs: &TenantBlobs, name: &str) -> Result<(), BlobError> {
    blobs.forget(&name_label(name)).await
}

pub(super) fn name_label(name: &str) -> String {
    format!("workspace {name}")
}

/// The most entries that are listed: each read makes the whole list.
const LISTED: usize = 100_000;

/// A manifest for who reads: a line of JSON for each file, link and submodule; none where there are
/// too many, whose files can be read by their paths alone.
pub(super) fn listing(manifest: &Manifest) -> Option<Bytes> {
    if manifest.entries().len() > LISTED {
        return None;
    }
    let mut lines = String::new();
    for entry in manifest.entries() {
        let path = entry.path().as_str();
        let line = match entry.content() {
            Content::File { size, digest, .. } => {
                serde_json::json!({ "path": path, "size": size, "digest": digest })
            }
            Content::Symlink { target } => serde_json::json!({ "path": path, "link": target }),
            Content::Submodule { revision } => {
                serde_json::json!({ "path": path, "submodule": revision })
            }
        };
        lines.push_str(&format!("{line}\n"));
    }
    Some(lines.into())
}
