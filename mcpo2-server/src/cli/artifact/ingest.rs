use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mcpo2_artifact::{
    PutTreeError, TreePut,
    blob::{BlobErrorKind, Keep, Limits, TenantBlobs},
    commit_manifest,
    manifest::Manifest,
    name_manifest, put_tree,
};
use mcpo2_core::{Digest, TenantId};
use serde_json::json;

use super::{
    super::format::Format,
    Done, Outcome, Problem,
    roots::Record,
    source::{How, Reader},
    store::{At, Store},
    tell,
};
use crate::config::unit::{duration, size};

#[derive(Debug, clap::Args)]
pub(super) struct Ingest {
    /// The tree
    source: PathBuf,
    #[command(flatten)]
    at: At,
    /// Whose it is
    #[arg(long)]
    tenant: TenantId,
    /// What people call it: `read` and `ref` take the newest tree of a name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    kept: Kept,
    /// How many bytes the tenant may have in the store, such as 10GiB; no limit if nothing is said
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    quota: Option<usize>,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    how: How,
}

/// How long it is kept.
#[derive(Debug, clap::Args)]
struct Kept {
    /// Keep it for this long, such as 12h or 7d; what was kept for longer stays so
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "7d",
        conflicts_with = "pin")]
    keep_for: Duration,
    /// Keep it until somebody takes this pin away
    #[arg(long, value_name = "NAME")]
    pin: Option<String>,
}

impl Kept {
    fn keep(&self) -> Keep<'_> {
        match &self.pin {
            Some(name) => Keep::Pinned(name),
            None => Keep::Until(SystemTime::now() + self.keep_for),
        }
    }
}

impl Ingest {
    pub(super) fn run(mut self) -> Done {
        self.how.beside(self.format);
        if self
            .name
            .as_deref()
            .is_some_and(|it| it.parse::<Digest>().is_ok())
        {
            return Err(Problem::wrong(
                "a name that is a root could not be told from one",
            ));
        }
        let reader = self.how.reader(&self.source)?;
        let each = match self.quota.map(u64::try_from) {
            Some(most) => Limits::NONE.with_stored_bytes(most.unwrap_or(u64::MAX)),
            None => Limits::NONE,
        };
        let store = self.at.make(each)?;
        let blobs = store.depot.tenant(&self.tenant)?;
        let manifest = reader.read("reading", &())?;
        let put = match self.again(&store, &blobs, &manifest)? {
            true => TreePut::default(),
            false => self.put(&store, &blobs, (&reader, &manifest))?,
        };
        let (stored, bytes) = (put.blobs, put.bytes);
        let (root, entries) = (manifest.root(), manifest.entries().len());
        let withheld = manifest.withheld().len();
        let text = format!(
            "root      {root}\nentries   {entries}\nsize      {} bytes\nwithheld  {withheld}\n\
             stored    {stored} blobs, {bytes} bytes; the tenant had the rest\n",
            manifest.size(),
        );
        let said = json!({
            "root": root, "entries": entries, "size": manifest.size(), "withheld": withheld,
            "stored": { "blobs": stored, "bytes": bytes }, "tenant": self.tenant,
            "name": self.name,
        });
        tell(self.format, &text, &said)?;
        Ok(Outcome::Well)
    }

    /// Keeps a tree that is there for one more reason. False where it is not there.
    fn again(
        &self,
        store: &Store,
        blobs: &TenantBlobs,
        manifest: &Manifest,
    ) -> Result<bool, Problem> {
        let root = manifest.root();
        let io = |error: std::io::Error| Problem::failed(&error).at(&self.at.store);
        let Some(record) = store.roots.get(&self.tenant, &root).map_err(io)? else {
            return Ok(false);
        };
        let label = record.label();
        let kept = blobs.keep(&label, self.kept.keep());
        match store.runtime.block_on(kept) {
            Ok(()) => {}
            Err(error) if error.kind() == BlobErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if let Some(name) = &self.name {
            let name = Some(name.clone());
            let record = Record {
                name,
                ingested: now(),
                ..record
            };
            store.roots.put(&record).map_err(io)?;
        }
        self.call(store, blobs, &root)?;
        Ok(true)
    }

    fn put(
        &self,
        store: &Store,
        blobs: &TenantBlobs,
        (reader, manifest): (&Reader<'_>, &Manifest),
    ) -> Result<TreePut, Problem> {
        let session = store.runtime.block_on(blobs.session())?;
        let put = put_tree(&session, manifest, |sink| reader.read("storing", sink));
        let put = put.map_err(|error| match error {
            PutTreeError::Read(problem) => problem,
            PutTreeError::Store(error) => error.into(),
            error => Problem::Failed(format!("{error}: ingest it again")),
        })?;
        let (root, whole) = (manifest.root(), manifest.to_bytes());
        let digest = store.runtime.block_on(session.put(whole.into()))?;
        // INVARIANT: the record is written first, so that what is committed can be found.
        let record = Record {
            tenant: self.tenant.clone(),
            root,
            manifest: digest,
            name: self.name.clone(),
            ingested: now(),
        };
        let recorded = store.roots.put(&record);
        recorded.map_err(|error| Problem::failed(&error).at(&self.at.store))?;
        let committed = commit_manifest(&session, manifest, self.kept.keep());
        store.runtime.block_on(committed)?;
        self.call(store, blobs, &root)?;
        Ok(put)
    }

    /// Lets the name stand for the tree, where calls name workspaces.
    fn call(&self, store: &Store, blobs: &TenantBlobs, root: &Digest) -> Result<(), Problem> {
        if let Some(name) = &self.name {
            let named = name_manifest(blobs, name, root, self.kept.keep());
            store.runtime.block_on(named)?;
        }
        Ok(())
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
