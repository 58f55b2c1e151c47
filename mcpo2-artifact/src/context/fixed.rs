use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use mcpo2_core::{Digest, Principal, TenantId};
use serde::{Deserialize, Serialize};

use super::{Workspace, Workspaces};
use crate::{
    Error,
    ingest::{self, Ingest, Sink, SinkFile},
    manifest::{Content, Entry, Manifest, RelPath},
    select::{MemoryCache, Texts},
};

/// A directory that calls may name as a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkspaceConfig {
    /// The name by which calls know it: 1 to 128 bytes, once for a tenant.
    pub name: Box<str>,
    /// The tenants whose callers may name it.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub tenants: Vec<TenantId>,
    /// The directory. Its files are read once, at the start and at each reload, as far as ignore
    /// files and secrets in them allow, and kept in memory: 256 MiB at most.
    pub path: PathBuf,
}

/// Workspaces that are all in memory, known by tenant and name.
///
/// ```
/// use std::sync::Arc;
///
/// use mcpo2_artifact::{
///     context::{FixedWorkspaces, Workspace, Workspaces},
///     ingest::{Ingest, Spec},
/// };
/// use mcpo2_core::{AuthMethod, Principal};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// std::fs::write(path.join("main.rs"), "fn main() {}\n")?;
/// let rules = Spec::default().compile()?;
/// let web = Workspace::of_directory(Ingest::new(&rules), path)?;
/// let workspaces = FixedWorkspaces::default().with("acme".parse()?, "web", Arc::new(web));
///
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let eve = Principal::new("other".parse()?, "eve".parse()?, AuthMethod::Host);
/// assert!(workspaces.open(&ada, "web").await?.is_some());
/// assert!(workspaces.open(&eve, "web").await?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FixedWorkspaces(BTreeMap<TenantId, HashMap<Box<str>, Arc<Workspace>>>);

impl FixedWorkspaces {
    /// The same and one more, in the place of one of the same tenant and name.
    #[must_use]
    pub fn with(
        mut self,
        tenant: TenantId,
        name: impl Into<Box<str>>,
        workspace: Arc<Workspace>,
    ) -> Self {
        let of_tenant = self.0.entry(tenant).or_default();
        of_tenant.insert(name.into(), workspace);
        self
    }
}

#[async_trait]
impl Workspaces for FixedWorkspaces {
    async fn open(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Option<Arc<Workspace>>, Error> {
        let of_tenant = self.0.get(principal.tenant());
        Ok(of_tenant.and_then(|names| names.get(name)).cloned())
    }
}

impl Workspace {
    /// The files of a directory, kept in memory; those with a NUL are no text, and only listed.
    ///
    /// # Errors
    ///
    /// [`ingest::Error`], as [`Ingest::directory`] has it. [`Limits`](ingest::Limits) bound the
    /// memory.
    #[cfg(unix)]
    pub fn of_directory(
        ingest: Ingest<'_>,
        path: impl AsRef<std::path::Path>,
    ) -> Result<Self, ingest::Error> {
        Self::in_memory(ingest, |ingest| ingest.directory(path))
    }

    /// The files of whatever is ingested, likewise.
    ///
    /// # Errors
    ///
    /// That of `take`.
    pub fn in_memory<E>(
        ingest: Ingest<'_>,
        take: impl FnOnce(&Ingest<'_>) -> Result<Manifest, E>,
    ) -> Result<Self, E> {
        let files = Files::default();
        let manifest = Arc::new(take(&ingest.with_sink(&files))?);
        let texts = files.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cache = &mut MemoryCache::default();
        Ok(Self::new(manifest, Arc::new(Kept(texts)), cache))
    }
}

/// The bytes of files while they are read.
#[derive(Default)]
struct Files(Mutex<HashMap<Digest, Arc<[u8]>>>);

/// Those of one of them.
struct Reading<'a> {
    files: &'a Files,
    bytes: Vec<u8>,
}

impl Sink for Files {
    fn file(&self, _: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        Ok(Box::new(Reading {
            files: self,
            bytes: Vec::new(),
        }))
    }
}

impl SinkFile for Reading<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<()> {
        if let Content::File { digest, .. } = entry.content()
            && memchr::memchr(0, &self.bytes).is_none()
        {
            let mut files = self.files.0.lock().unwrap_or_else(PoisonError::into_inner);
            files.insert(*digest, self.bytes.into());
        }
        Ok(())
    }
}

struct Kept(HashMap<Digest, Arc<[u8]>>);

impl Texts for Kept {
    fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.0.get(digest).cloned()
    }
}
