use std::{fmt, sync::Arc};

use async_trait::async_trait;
use mcpo2_core::Principal;

use crate::{
    Error,
    manifest::{Content, Manifest},
    select::{Cache, Document, Index, Texts},
};

/// Opens the workspaces that calls name.
#[async_trait]
pub trait Workspaces: fmt::Debug + Send + Sync {
    /// The workspace that this name stands for where this principal calls; none where there is none
    /// for it, which looks the same to it as one that is another's.
    ///
    /// # Errors
    ///
    /// [`Error`] where that cannot be said. The call fails, and its caller learns no more.
    async fn open(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Option<Arc<Workspace>>, Error>;
}

/// Files that context is selected from: their manifest, what is searched of them, and their bytes.
///
/// ```
/// use std::{collections::HashMap, sync::Arc};
///
/// use mcpo2_artifact::{
///     context::Workspace,
///     manifest::{Content, Entry, Manifest, Mode},
///     select::{MemoryCache, Texts},
/// };
/// use mcpo2_core::Digest;
///
/// struct Files(HashMap<Digest, Arc<[u8]>>);
/// impl Texts for Files {
///     fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
///         self.0.get(digest).cloned()
///     }
/// }
///
/// let text: &[u8] = b"fn parse_date() {}\n";
/// let (size, digest) = (u64::try_from(text.len())?, Digest::of(text));
/// let content = Content::File { mode: Mode::Plain, size, digest };
/// let entries = vec![Entry::new("src/date.rs".parse()?, content)];
/// let manifest = Arc::new(Manifest::new(Digest::of(b"all files"), entries, vec![])?);
/// let files = Arc::new(Files(HashMap::from([(digest, text.into())])));
///
/// let workspace = Workspace::new(manifest, files, &mut MemoryCache::default());
/// assert_eq!(workspace.index().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Workspace {
    manifest: Arc<Manifest>,
    index: Index,
    texts: Arc<dyn Texts + Send + Sync>,
}

impl Workspace {
    /// The files of this manifest, whose bytes are there. What the cache has is not analysed again.
    ///
    /// What these texts give must have the digest that was asked for: packs name it.
    #[must_use]
    pub fn new(
        manifest: Arc<Manifest>,
        texts: Arc<dyn Texts + Send + Sync>,
        cache: &mut dyn Cache,
    ) -> Self {
        Self::updating(Index::new(), manifest, texts, cache)
    }

    /// The same by the index of an earlier revision: only what changed is analysed.
    #[must_use]
    pub fn updating(
        mut index: Index,
        manifest: Arc<Manifest>,
        texts: Arc<dyn Texts + Send + Sync>,
        cache: &mut dyn Cache,
    ) -> Self {
        let files = manifest.entries().iter();
        let documents = files.filter_map(|entry| match entry.content() {
            Content::File { digest, .. } => Some(Document {
                path: entry.path().as_str().into(),
                digest: *digest,
            }),
            _ => None,
        });
        // INVARIANT: the index has no file that the manifest has not.
        index.update(&documents.collect::<Vec<_>>(), &*texts, cache);
        Self {
            manifest,
            index,
            texts,
        }
    }

    /// What there is.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// What is searched.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The bytes.
    #[must_use]
    pub fn texts(&self) -> &dyn Texts {
        &*self.texts
    }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace")
            .field("root", &self.manifest.root())
            .field("files", &self.index.len())
            .finish_non_exhaustive()
    }
}
