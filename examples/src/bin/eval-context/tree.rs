use std::{collections::HashMap, io, path::Path, sync::Arc};

use mcpo2_artifact::select::{Document, Index, MemoryCache, Texts};
use mcpo2_core::Digest;

use crate::git::Clone;

/// One clone's trees, and the index of the one that it stands at.
pub(crate) struct Trees {
    clone: Clone,
    blobs: HashMap<String, Option<Digest>>,
    texts: Blobs,
    cache: MemoryCache,
    pub(crate) index: Index,
}

/// The bytes of all blobs that were read.
#[derive(Default)]
pub(crate) struct Blobs(HashMap<Digest, Arc<[u8]>>);

impl Texts for Blobs {
    fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.0.get(digest).cloned()
    }
}

impl Trees {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let clone = Clone::open(folder)?;
        Ok(Self {
            clone,
            blobs: HashMap::new(),
            texts: Blobs::default(),
            cache: MemoryCache::default(),
            index: Index::new(),
        })
    }

    /// Makes the index that of this revision's tree.
    pub(crate) fn switch(&mut self, revision: &str) -> io::Result<()> {
        let mut documents = Vec::new();
        for blob in self.clone.tree(revision)? {
            let digest = match self.blobs.get(&blob.id) {
                Some(digest) => *digest,
                None => self.load(&blob.id)?,
            };
            if let Some(digest) = digest {
                documents.push(Document {
                    path: blob.path.into(),
                    digest,
                });
            }
        }
        self.index.update(&documents, &self.texts, &mut self.cache);
        Ok(())
    }

    pub(crate) fn texts(&self) -> &Blobs {
        &self.texts
    }

    fn load(&mut self, id: &str) -> io::Result<Option<Digest>> {
        let digest = self.clone.read(id)?.map(|bytes| {
            let digest = Digest::of(&bytes);
            self.texts.0.insert(digest, bytes.into());
            digest
        });
        self.blobs.insert(id.to_owned(), digest);
        Ok(digest)
    }
}
