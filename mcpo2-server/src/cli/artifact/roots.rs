//! Which trees a store has: a store knows blobs by names that tell nothing, so what stands under
//! which root is written beside it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use mcpo2_artifact::manifest_label;
use mcpo2_core::{Digest, TenantId};
use serde::{Deserialize, Serialize};

/// A tree of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) tenant: TenantId,
    pub(super) root: Digest,
    /// The blob with the bytes of its manifest.
    pub(super) manifest: Digest,
    /// What people call it.
    pub(super) name: Option<String>,
    /// Seconds since 1970.
    pub(super) ingested: u64,
}

impl Record {
    /// What it is committed under.
    pub(super) fn label(&self) -> String {
        manifest_label(&self.root)
    }
}

/// The trees of a store, a file each, in a directory that only this user can read.
#[derive(Debug)]
pub(super) struct Roots(PathBuf);

impl Roots {
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        Ok(Self(dir))
    }

    /// Writes a record, in place of an older one of the same tree.
    pub(super) fn put(&self, record: &Record) -> io::Result<()> {
        let bytes = serde_json::to_vec(record)?;
        write_new(&self.file(&record.tenant, &record.root), &bytes)
    }

    pub(super) fn get(&self, tenant: &TenantId, root: &Digest) -> io::Result<Option<Record>> {
        match fs::read(self.file(tenant, root)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The newest tree of this name.
    pub(super) fn named(&self, tenant: &TenantId, name: &str) -> io::Result<Option<Record>> {
        let all = self.all()?.into_iter();
        let theirs = all.filter(|it| it.tenant == *tenant && it.name.as_deref() == Some(name));
        Ok(theirs.max_by_key(|it| (it.ingested, it.root)))
    }

    pub(super) fn all(&self) -> io::Result<Vec<Record>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "json") {
                all.push(serde_json::from_slice(&fs::read(path)?)?);
            }
        }
        Ok(all)
    }

    pub(super) fn remove(&self, record: &Record) -> io::Result<()> {
        fs::remove_file(self.file(&record.tenant, &record.root))
    }

    fn file(&self, tenant: &TenantId, root: &Digest) -> PathBuf {
        let name = Digest::of(format!("{tenant}\n{root}").as_bytes()).to_string();
        let digits = name.strip_prefix("b3:").unwrap_or(&name);
        self.0.join(format!("{digits}.json"))
    }
}

/// Writes a file that only this user can read, whole or not at all.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::File::open(dir)?.sync_all()
}
