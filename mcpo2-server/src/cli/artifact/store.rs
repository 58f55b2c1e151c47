use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use mcpo2_artifact::{
    blob::{BlobError, BlobErrorKind, Depot, FsBlobs, KeyDir, Limits, Quotas, TenantBlobs},
    manifest::{Entry, Manifest},
};
use mcpo2_core::TenantId;
use tokio::runtime::Runtime;

use super::{
    Problem, chain,
    roots::{Record, Roots},
    shown,
};
use crate::library::Place;

/// Which store.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct At {
    /// The directory of the store, which no gateway may have open
    #[arg(long, value_name = "DIR")]
    pub(super) store: PathBuf,
}

/// A store that nobody else has open: blobs, the keys of tenants in `keys`, which trees there are
/// in `roots`, and what references are signed with in `references`.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) depot: Depot,
    pub(super) roots: Roots,
    pub(super) runtime: Runtime,
    dir: PathBuf,
}

impl At {
    /// The store that is there.
    pub(super) fn open(&self) -> Result<Store, Problem> {
        if !self.store.join("blobs").is_dir() {
            let why = "no store is there: `mcpo2 artifact ingest SOURCE --store DIR --tenant T` \
                       makes one";
            return Err(Problem::wrong(why).at(&self.store));
        }
        Store::open(&self.store, Limits::NONE)
    }

    /// The same, made where nothing is.
    pub(super) fn make(&self, each: Limits) -> Result<Store, Problem> {
        let there = fs::read_dir(&self.store).map(|mut names| names.next().is_some());
        if there.unwrap_or_default() && !self.store.join("blobs").is_dir() {
            let why = "neither a store nor empty: name a directory that is new";
            return Err(Problem::wrong(why).at(&self.store));
        }
        Store::open(&self.store, each)
    }
}

impl Store {
    fn open(dir: &Path, each: Limits) -> Result<Self, Problem> {
        let refused = |error: BlobError| match error.kind() {
            BlobErrorKind::Locked => Problem::Failed(format!(
                "{}: another process has this store, a gateway or another command: end it, or \
                 wait until it ends",
                dir.display()
            )),
            _ => Problem::Failed(chain(&error)).at(dir),
        };
        let blobs = FsBlobs::open(dir).map_err(refused)?;
        let keys = KeyDir::open(dir.join("keys")).map_err(refused)?;
        let roots = Roots::open(dir.join("roots"));
        let runtime = super::super::runtime();
        Ok(Self {
            depot: Depot::new(Arc::new(blobs), Arc::new(keys), Quotas::new(each)),
            roots: roots.map_err(|error| Problem::failed(&error).at(dir))?,
            runtime: runtime.ok_or(Problem::Failed("no runtime".into()))?,
            dir: dir.to_owned(),
        })
    }

    /// The same, as a gateway knows it.
    pub(super) fn place(&self) -> Place {
        Place::new(&self.dir)
    }

    pub(super) fn references(&self) -> PathBuf {
        self.place().references()
    }

    /// The tree of this root or name.
    pub(super) fn record(&self, tenant: &TenantId, which: &str) -> Result<Record, Problem> {
        let found = match which.parse() {
            Ok(root) => self.roots.get(tenant, &root),
            Err(_) => self.roots.named(tenant, which),
        };
        let found = found.map_err(|error| Problem::failed(&error).at(&self.dir))?;
        found.ok_or_else(|| {
            let why = format!("tenant {tenant} has no tree with the root or the name {which}");
            Problem::Wrong(why).at(&self.dir)
        })
    }

    /// The blobs of a tree's tenant, and its manifest.
    pub(super) fn tree(&self, record: &Record) -> Result<(TenantBlobs, Manifest), Problem> {
        let blobs = self.depot.tenant(&record.tenant)?;
        let whole = self.runtime.block_on(async {
            if !blobs.has(&record.label()).await? {
                return Err(BlobErrorKind::NotFound.into());
            }
            blobs.read(&record.manifest, 0..u64::MAX).await
        })?;
        let manifest = Manifest::from_bytes(&whole).ok();
        let manifest = manifest.filter(|it| it.root() == record.root);
        let damaged = "what is stored is not the manifest of this root: ingest the tree again";
        Ok((blobs, manifest.ok_or(Problem::Failed(damaged.into()))?))
    }
}

/// The entry with this path.
pub(super) fn entry<'m>(manifest: &'m Manifest, path: &str) -> Result<&'m Entry, Problem> {
    manifest.get(path).ok_or_else(|| {
        let mut withheld = manifest.withheld().iter();
        Problem::Wrong(match withheld.any(|it| it.path() == path) {
            true => format!("{} was withheld, and is not in the store", shown(path)),
            false => format!("the tree has no file {}", shown(path)),
        })
    })
}
