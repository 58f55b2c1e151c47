use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use mcpo2_core::{Digest, Principal, TenantId};

use super::{Inline, Run, Workspace, Workspaces};
use crate::{
    Error, ErrorKind, Library,
    blob::{BlobError, BlobErrorKind},
    manifest::{Content, Manifest},
    run::outcome,
    select::{MemoryCache, Texts},
};

/// Workspaces that stay in memory.
const KEPT: usize = 8;

/// The longest file that is searched.
const MAX_FILE: u64 = 4 << 20;

/// The trees of a [`Library`] as workspaces: by the root of a manifest (`b3:…`) or the name under
/// which [`name_manifest`](crate::name_manifest) put one, each for its tenant alone.
///
/// A tree is read and analysed when it is first named, and stays in memory, at most eight of all
/// tenants: the first call waits for that, seconds where the tree is large. Files over 4 MiB, and
/// those with a NUL, are listed and not searched.
pub struct StoredWorkspaces {
    library: Arc<Library>,
    /// The most bytes of the files of one tree.
    max_bytes: u64,
    run: Arc<dyn Run>,
    opened: Mutex<VecDeque<(TenantId, Arc<Workspace>)>>,
}

impl StoredWorkspaces {
    /// The trees of this library, of which one may have so many bytes of text.
    #[must_use]
    pub fn new(library: Arc<Library>, max_bytes: u64) -> Self {
        Self {
            library,
            max_bytes,
            run: Arc::new(Inline),
            opened: Mutex::default(),
        }
    }

    /// The same, which analyses there.
    #[must_use]
    pub fn running_on(mut self, run: Arc<dyn Run>) -> Self {
        self.run = run;
        self
    }

    fn kept(&self, tenant: &TenantId, root: &Digest) -> Option<Arc<Workspace>> {
        let opened = self.opened.lock();
        let opened = opened.unwrap_or_else(PoisonError::into_inner);
        let mut of_tenant = opened.iter().filter(|(of, _)| of == tenant);
        let found = of_tenant.find(|(_, workspace)| workspace.manifest().root() == *root);
        found.map(|(_, workspace)| Arc::clone(workspace))
    }

    fn keep(&self, tenant: &TenantId, workspace: &Arc<Workspace>) {
        let opened = self.opened.lock();
        let mut opened = opened.unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= KEPT {
            opened.pop_front();
        }
        opened.push_back((tenant.clone(), Arc::clone(workspace)));
    }

    /// The texts of a tree, in memory.
    async fn texts(&self, tenant: &TenantId, manifest: &Manifest) -> Result<Kept, BlobError> {
        let blobs = self.library.depot().tenant(tenant)?;
        let (mut texts, mut left) = (HashMap::new(), self.max_bytes);
        for entry in manifest.entries() {
            let Content::File { size, digest, .. } = *entry.content() else {
                continue;
            };
            if size > MAX_FILE || texts.contains_key(&digest) {
                continue;
            }
            left = left.checked_sub(size).ok_or(BlobErrorKind::TooLarge)?;
            let bytes = match blobs.read(&digest, 0..u64::MAX).await {
                Ok(bytes) => bytes,
                // A manifest may be kept without all of its files.
                Err(error) if error.kind() == BlobErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if memchr::memchr(0, &bytes).is_none() {
                texts.insert(digest, Arc::from(&*bytes));
            }
        }
        Ok(Kept(texts))
    }

    async fn analysed(&self, manifest: Arc<Manifest>, texts: Kept) -> Option<Arc<Workspace>> {
        let analyse = move || {
            let cache = &mut MemoryCache::default();
            Arc::new(Workspace::new(manifest, Arc::new(texts), cache))
        };
        outcome(&*self.run, analyse).await
    }

    async fn root(&self, tenant: &TenantId, name: &str) -> Result<Digest, BlobError> {
        match name.parse() {
            Ok(root) => Ok(root),
            Err(_) => self.library.named(tenant, name).await,
        }
    }

    async fn workspace(&self, tenant: &TenantId, name: &str) -> Result<Arc<Workspace>, BlobError> {
        let root = self.root(tenant, name).await?;
        // Also of one that is in memory: it may have been swept, or its tenant shredded.
        let manifest = self.library.manifest(tenant, &root).await?;
        if let Some(workspace) = self.kept(tenant, &root) {
            return Ok(workspace);
        }
        let texts = self.texts(tenant, &manifest).await?;
        let analysed = self.analysed(manifest, texts).await;
        let workspace = analysed.ok_or(BlobErrorKind::Io)?;
        self.keep(tenant, &workspace);
        Ok(workspace)
    }
}

#[async_trait]
impl Workspaces for StoredWorkspaces {
    async fn open(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Option<Arc<Workspace>>, Error> {
        match self.workspace(principal.tenant(), name).await {
            Ok(workspace) => Ok(Some(workspace)),
            Err(error) if error.kind() == BlobErrorKind::NotFound => Ok(None),
            Err(error) => {
                let what = "a workspace cannot be read";
                Err(Error::new(ErrorKind::Store, what).with_source(error))
            }
        }
    }
}

impl fmt::Debug for StoredWorkspaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredWorkspaces")
            .field("library", &self.library)
            .finish_non_exhaustive()
    }
}

/// The bytes of files by their digests.
struct Kept(HashMap<Digest, Arc<[u8]>>);

impl Texts for Kept {
    fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.0.get(digest).cloned()
    }
}
