//! Blobs and manifests of tenants, read by signed references.

mod opened;
mod trees;
#[cfg(unix)]
mod uploads;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use mcpo2_core::{Decision, Digest, TenantId};

pub(crate) use self::opened::{BlobUrl, Opened};
pub use self::trees::{commit_manifest, forget_name, manifest_label, name_manifest};
use self::trees::{listing, name_label};
#[cfg(unix)]
#[cfg(all(unix, feature = "archive"))]
pub use self::uploads::TreeTerms;
#[cfg(unix)]
pub use self::uploads::{CommitProgress, UploadTerms};
use crate::{
    Error, ErrorKind, Reader,
    blob::{BlobError, BlobErrorKind, BlobReader, Depot, TenantBlobs},
    manifest::{Content, Manifest, RelPath},
    token::{Access, Authority, Issuer, Mint, MintError, Object, SignedReference, Verifier},
};

/// Manifests that stay in memory, so that reading many files of one tree reads it once.
const KEPT: usize = 16;

/// Gives what is in a [`Depot`] to who presents a signed reference that the policy lets him use.
///
/// An [`Artifacts`](crate::Artifacts) that [has](crate::Artifacts::with_library) one reads both kinds
/// of references: names of results, which only their caller can use, and these.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use std::{sync::Arc, time::SystemTime};
/// use mcpo2_artifact::{
///     Config, Library, Reader,
///     blob::{Depot, Keep, Limits, MasterKey, MemoryBlobs, Quotas},
///     token::{self, Audience, Issuer, Keys, Mint, Object, Revocations, Verb, Verifier},
/// };
/// use mcpo2_core::{AuthMethod, Call, Decision, Message, Obligations, Principal};
///
/// let depot = Depot::new(
///     Arc::new(MemoryBlobs::new(1 << 30)),
///     Arc::new(MasterKey::new([7; 32])),
///     Quotas::new(Limits::NONE),
/// );
/// let now = SystemTime::now();
/// let (keys, revocations) = (Arc::new(Keys::ephemeral()?), Arc::new(Revocations::new(now)));
/// let name: token::Authority = "gw.example".parse()?;
/// let limits = token::Limits::default();
/// let issuer = Issuer::new(name.clone(), keys.clone(), revocations.clone(), limits);
/// let verifier = Verifier::new(name, keys, revocations, Arc::default());
/// let library = Arc::new(Library::new(depot.clone(), issuer, verifier));
/// let artifacts = Config::default().compile()?.with_library(Arc::clone(&library));
///
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let session = depot.tenant(ada.tenant())?.session().await?;
/// let digest = session.put("line one\nline two\n".into()).await?;
/// session.commit("log 1", Keep::Pinned("ada")).await?;
/// let audience = Audience::principal(&ada);
/// let mint = Mint::new(ada.tenant().clone(), Object::Blob(digest), audience);
/// let uri = library.sign(mint, now)?.uri();
///
/// let bytes = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}"#;
/// let Message::Request(request) = Message::parse(bytes)? else { unreachable!() };
/// let permitted = Call::new(request, ada).decide(Decision::Allow(Obligations::default()))?;
/// let reader = Reader::new(&permitted, Verb::Read);
/// let excerpt = artifacts.read(&reader, &format!("{uri}?lines=2-2")).await?;
/// assert_eq!(excerpt.text(), Some("line two\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Library {
    depot: Depot,
    issuer: Issuer,
    verifier: Verifier,
    manifests: Mutex<VecDeque<(TenantId, Arc<Manifest>)>>,
    #[cfg(unix)]
    intake: Option<uploads::Intake>,
    #[cfg(all(unix, feature = "archive"))]
    trees: Option<TreeTerms>,
}

impl Library {
    /// What is in this depot, by references that this issuer signs and this verifier verifies.
    #[must_use]
    pub fn new(depot: Depot, issuer: Issuer, verifier: Verifier) -> Self {
        Self {
            depot,
            issuer,
            verifier,
            manifests: Mutex::default(),
            #[cfg(unix)]
            intake: None,
            #[cfg(all(unix, feature = "archive"))]
            trees: None,
        }
    }

    /// The same, which also takes uploads, and commits them to its depot.
    #[cfg(unix)]
    #[must_use]
    pub fn with_uploads(mut self, uploads: Arc<crate::blob::Uploads>, terms: UploadTerms) -> Self {
        self.intake = Some(uploads::Intake::new(uploads, terms));
        self
    }

    /// The same, where an upload that is an archive can be committed as the tree that is in it.
    #[cfg(all(unix, feature = "archive"))]
    #[must_use]
    pub fn with_trees(mut self, terms: TreeTerms) -> Self {
        self.trees = Some(terms);
        self
    }

    /// Where the blobs are.
    #[must_use]
    pub fn depot(&self) -> &Depot {
        &self.depot
    }

    /// The name in the references that it signs.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        self.issuer.authority()
    }

    /// Signs a reference.
    ///
    /// # Errors
    ///
    /// As [`Issuer::sign`]. Whether the object is there is asked when it is read.
    pub fn sign(&self, mint: Mint, now: SystemTime) -> Result<SignedReference, MintError> {
        self.issuer.sign(mint, now)
    }

    /// The manifest with this root, of this tenant, which was committed by [`commit_manifest`].
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound), [`Corrupt`](BlobErrorKind::Corrupt), and what the store
    /// says.
    pub async fn manifest(
        &self,
        tenant: &TenantId,
        root: &Digest,
    ) -> Result<Arc<Manifest>, BlobError> {
        let blobs = self.depot.tenant(tenant)?;
        // Also of one that is in memory: it may have been swept, or its tenant shredded.
        let subject = blobs.subject(&manifest_label(root)).await?;
        let subject = subject.ok_or(BlobErrorKind::NotFound)?;
        if let Some(manifest) = self.kept(tenant, root) {
            return Ok(manifest);
        }
        let bytes = blobs.read(&subject, 0..u64::MAX).await?;
        let manifest = Manifest::from_bytes(&bytes)
            .map_err(|error| BlobError::from(BlobErrorKind::Corrupt).with_source(error))?;
        if manifest.root() != *root {
            return Err(BlobErrorKind::Corrupt.into());
        }
        let manifest = Arc::new(manifest);
        self.keep(tenant, &manifest);
        Ok(manifest)
    }

    /// The root of the manifest that [`name_manifest`] gave this name for the tenant.
    ///
    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound), and what the store says.
    pub async fn named(&self, tenant: &TenantId, name: &str) -> Result<Digest, BlobError> {
        let blobs = self.depot.tenant(tenant)?;
        let subject = blobs.subject(&name_label(name)).await?;
        let subject = subject.ok_or(BlobErrorKind::NotFound)?;
        let root = blobs.read(&subject, 0..u64::MAX).await?;
        let root = root.as_ref().try_into().map(Digest::from_bytes);
        root.map_err(|_| BlobErrorKind::Corrupt.into())
    }

    /// What a reference names, or a path in a manifest that it names, for this reader.
    pub(crate) async fn open(
        &self,
        reader: &Reader,
        reference: &SignedReference,
        path: Option<&RelPath>,
        now: SystemTime,
    ) -> Result<Opened, Error> {
        let token = reference.token();
        let grant = self
            .verifier
            .verify(token, &*reader.principal, &reader.verb, now)
            .map_err(Error::from)?;
        // The policy decided on the call that the reader was made of.
        let allowed = Decision::Allow(reader.obligations.clone());
        let access = grant.decide(allowed).map_err(Error::from)?;
        let source = self.source(&access, path).await.map_err(unread)?;
        Ok(Opened::new(
            reference.uri(),
            path.cloned(),
            access,
            source,
            now,
        ))
    }

    async fn source(
        &self,
        access: &Access,
        path: Option<&RelPath>,
    ) -> Result<opened::Source, BlobError> {
        let grant = access.grant();
        let blobs = self.depot.tenant(grant.tenant())?;
        let (root, path) = match (grant.object(), path) {
            (Object::Blob(digest), None) => return blob(&blobs, digest).await,
            (Object::Entry { root, path }, None) => (root, path),
            (Object::Manifest(root), Some(path)) => (root, path),
            (Object::Manifest(root), None) => {
                let manifest = self.manifest(grant.tenant(), root).await?;
                let listing = listing(&manifest).ok_or(BlobErrorKind::TooLarge)?;
                return Ok(opened::Source::Listing(listing));
            }
            (Object::Blob(_) | Object::Entry { .. }, Some(_)) => {
                return Err(BlobErrorKind::NotFound.into());
            }
        };
        let manifest = self.manifest(grant.tenant(), root).await?;
        let entry = manifest.get(path.as_str());
        match entry.ok_or(BlobErrorKind::NotFound)?.content() {
            Content::File { digest, .. } => blob(&blobs, digest).await,
            Content::Symlink { .. } | Content::Submodule { .. } => {
                Err(BlobErrorKind::NotFound.into())
            }
        }
    }

    fn kept(&self, tenant: &TenantId, root: &Digest) -> Option<Arc<Manifest>> {
        let kept = self.manifests.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        let mut all = kept.iter();
        let found = all.find(|(of, manifest)| of == tenant && manifest.root() == *root);
        found.map(|(_, manifest)| Arc::clone(manifest))
    }

    fn keep(&self, tenant: &TenantId, manifest: &Arc<Manifest>) {
        let kept = self.manifests.lock();
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((tenant.clone(), Arc::clone(manifest)));
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("depot", &self.depot)
            .field("authority", self.issuer.authority())
            .finish_non_exhaustive()
    }
}

async fn blob(blobs: &TenantBlobs, digest: &Digest) -> Result<opened::Source, BlobError> {
    BlobReader::open(blobs, digest)
        .await
        .map(opened::Source::Blob)
}

fn unread(error: BlobError) -> Error {
    match error.kind() {
        BlobErrorKind::NotFound => Error::not_found("no such artifact"),
        BlobErrorKind::Corrupt => Error::new(ErrorKind::Corrupt, "the blob is damaged"),
        BlobErrorKind::TooLarge => Error::new(ErrorKind::TooLarge, "too many files to list"),
        _ => Error::new(ErrorKind::Store, "the blob cannot be read"),
    }
    .with_source(error)
}
