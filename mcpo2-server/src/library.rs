//! The library of a gateway: a directory with blobs, keys, uploads and what is revoked.

mod blocking;
pub(crate) mod bucket;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_artifact::{
    Library, TreeTerms, UploadTerms,
    blob::{BlobStore, Chunking, Depot, FsBlobs, KeyDir, Limits, Quotas, SweepOptions, Uploads},
    ingest::{self, Spec},
    token::{self, Authority, Issuer, Keys, Revocations, Secret, Verifier},
};
use mcpo2_core::BoxError;

use self::blocking::Blocking;
pub(crate) use self::blocking::waiting;
use crate::{config, keys, processors::Processors};

/// Where the parts of a library are: the store that `mcpo2 artifact` works on, and uploads.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// The blobs of all tenants, with keys that are made where they are missing.
    fn depot(&self, config: &config::Library, quotas: Quotas) -> Result<Depot, BoxError> {
        private_dir(&self.0)?;
        // INVARIANT: these are locked wherever the blobs are, so that one process has the library.
        let keys = KeyDir::open(self.0.join("keys"))?;
        let keys = if config.seal { keys.sealing() } else { keys };
        let blobs: Arc<dyn BlobStore> = match &config.bucket {
            Some(bucket) => bucket::open(bucket)?,
            None => Arc::new(Blocking::new(FsBlobs::open(&self.0)?)),
        };
        Ok(Depot::new(blobs, Arc::new(keys), quotas))
    }

    /// The key that signs references, made where it is missing.
    pub(crate) fn signing_key(&self) -> Result<Secret, BoxError> {
        private_dir(&self.references())?;
        let path = self.references().join("secret");
        let key = keys::kept(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(key.to_base64().parse()?)
    }

    /// What references are signed with, and which are revoked.
    pub(crate) fn references(&self) -> PathBuf {
        self.0.join("references")
    }

    fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }

    /// What is revoked, as the file says. Where there is none, nobody knows what was revoked before, so
    /// everything that was signed until now is.
    pub(crate) fn revocations(&self, now: SystemTime) -> Result<Revocations, BoxError> {
        let path = self.revoked();
        match fs::read(&path) {
            Ok(bytes) => {
                let snapshot = serde_json::from_slice(&bytes)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(Revocations::restore(snapshot))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let revocations = Revocations::new(now);
                revocations.revoke_all(now);
                self.save(&revocations)?;
                Ok(revocations)
            }
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        }
    }

    /// Revokes more, one process after the other, and keeps it.
    pub(crate) fn revoke(
        &self,
        now: SystemTime,
        more: impl FnOnce(&Revocations),
    ) -> Result<(), BoxError> {
        let lock = File::create(self.references().join("lock"))?;
        lock.lock()?;
        let revocations = self.revocations(now)?;
        more(&revocations);
        self.save(&revocations)
    }

    /// Keeps what is revoked now, all or nothing.
    fn save(&self, revocations: &Revocations) -> Result<(), BoxError> {
        let path = self.revoked();
        let new = path.with_extension("new");
        let text = serde_json::to_vec(&revocations.snapshot())?;
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(self.references())?.sync_all()?;
        Ok(())
    }

    fn revoked(&self) -> PathBuf {
        self.references().join("revocations.json")
    }
}

/// A library that is open, and what is done for it while the gateway runs.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) library: Arc<Library>,
    uploads: Arc<Uploads>,
    place: Place,
    revocations: Arc<Revocations>,
    sweep: config::Sweep,
}

impl Opened {
    /// Opens the library that is configured, whether or not this runs on a runtime: what opens it
    /// waits for a store.
    pub(crate) fn open_now(config: &config::Library) -> Result<Self, BoxError> {
        let opening = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(Self::open(config))
        };
        std::thread::scope(|scope| scope.spawn(opening).join())
            .unwrap_or_else(|_| Err("opening it panicked".into()))
    }

    async fn open(config: &config::Library) -> Result<Self, BoxError> {
        let place = Place::new(&config.dir);
        let limits = &config.limits;
        let each = Limits::NONE
            .with_stored_bytes(number(limits.stored))
            .with_objects(limits.objects)
            .with_uploads(limits.uploads);
        let mut depot = place.depot(config, Quotas::new(each))?;
        if config.chunks {
            depot = depot.with_chunks(Chunking::default());
        }
        let uploads = Arc::new(Uploads::open(place.uploads(), depot.clone()).await?);
        let name: Authority = config.authority.parse()?;
        let keys = Arc::new(Keys::new(&place.signing_key()?));
        let revocations = Arc::new(place.revocations(SystemTime::now())?);
        let issuer = Issuer::new(
            name.clone(),
            Arc::clone(&keys),
            Arc::clone(&revocations),
            token::Limits::default(),
        );
        let verifier = Verifier::new(name, keys, Arc::clone(&revocations), Arc::default());
        let terms = UploadTerms {
            kept: config.uploads.keep,
            max_bytes: number(config.uploads.max_size),
            reference: config.uploads.reference,
        };
        let mut limits = ingest::Limits::default();
        limits.entries = config.uploads.trees.max_files;
        limits.bytes = number(config.uploads.trees.max_bytes);
        let trees = TreeTerms {
            rules: Spec::default().compile()?,
            limits,
            run: Arc::new(Processors::new()),
        };
        let library = Library::new(depot, issuer, verifier).with_trees(trees);
        Ok(Self {
            library: Arc::new(library.with_uploads(Arc::clone(&uploads), terms)),
            uploads,
            place,
            revocations,
            sweep: config.sweep.clone(),
        })
    }

    /// Takes up what [`Place::revoke`] has written meanwhile. Nothing else revokes, so the file has
    /// all, and is not written here.
    pub(crate) fn reload(&self) {
        let now = SystemTime::now();
        match self.place.revocations(now) {
            Ok(revoked) => self.revocations.absorb(&revoked.snapshot(), now),
            Err(error) => {
                tracing::error!(%error, "what is revoked cannot be read; what was revoked before holds");
            }
        }
    }

    /// Takes away from time to time what nothing keeps, until it is dropped.
    pub(crate) async fn tend(&self) {
        loop {
            tokio::time::sleep(self.sweep.every.max(Duration::from_secs(1))).await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "what nothing keeps could not be taken away");
            }
        }
    }

    async fn sweep(&self) -> Result<(), BoxError> {
        let collected = self.uploads.collect().await?;
        let options = SweepOptions::default().with_grace(self.sweep.grace);
        let report = self.library.depot().sweep(&options).await?;
        tracing::info!(collected, ?report, "swept");
        Ok(())
    }
}

fn private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

fn number(size: usize) -> u64 {
    size.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use mcpo2_artifact::token::{Audience, Mint, Object, Reason, SignedReference, Verb};
    use mcpo2_core::{AuthMethod, Digest, Principal};

    use super::*;

    #[test]
    fn without_its_file_what_was_signed_before_stays_revoked_after_each_start() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(dir.path());
        let keys = Arc::new(Keys::new(&place.signing_key().unwrap()));
        let ada = Principal::new(
            "acme".parse().unwrap(),
            "ada".parse().unwrap(),
            AuthMethod::Host,
        );
        let now = SystemTime::now();
        let sign = |revocations: Revocations| {
            let (name, limits) = ("gateway".parse().unwrap(), token::Limits::default());
            let issuer = Issuer::new(name, Arc::clone(&keys), Arc::new(revocations), limits);
            let object = Object::Blob(Digest::of(b"a log"));
            let mint = Mint::new(ada.tenant().clone(), object, Audience::principal(&ada));
            issuer.sign(mint, now).unwrap()
        };
        let verify = |reference: &SignedReference| {
            let revocations = Arc::new(place.revocations(now).unwrap());
            let name = "gateway".parse().unwrap();
            let verifier = Verifier::new(name, Arc::clone(&keys), revocations, Arc::default());
            let verified = verifier.verify(reference.token(), &ada, &Verb::Read, now);
            verified.map_err(|refused| refused.reason()).map(drop)
        };
        let before = now - Duration::from_secs(1);
        let old = sign(place.revocations(before).unwrap());
        assert_eq!(verify(&old), Ok(()));

        fs::remove_file(place.revoked()).unwrap();
        let new = sign(place.revocations(now).unwrap());
        for _ in 0..2 {
            assert_eq!(verify(&old), Err(Reason::Revoked));
            assert_eq!(verify(&new), Ok(()));
        }
        place
            .revoke(now, |it| it.revoke_tenant(ada.tenant(), now))
            .unwrap();
        assert_eq!(verify(&new), Err(Reason::Revoked));
    }
}
