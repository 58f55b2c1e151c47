use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectMeta, ObjectStore, path::Path};

use super::unwritten;
use crate::{
    Key,
    blob::{BlobError, Head, Listed, Space, name::key_from_hex},
};

/// In which order a store lists.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// In that of names, so that what comes first is enough.
    #[cfg_attr(
        not(any(feature = "azure", feature = "gcs", feature = "s3")),
        expect(dead_code, reason = "only buckets have it")
    )]
    Names,
    /// In none, so that all of it must be seen.
    Any,
}

/// The first objects of this directory behind this key.
pub(super) async fn page(
    store: &dyn ObjectStore,
    dir: &Path,
    order: Order,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Listed>, BlobError> {
    let found = match after {
        Some(key) => store.list_with_offset(Some(dir), &dir.clone().join(key.to_string())),
        None => store.list(Some(dir)),
    };
    let listed = found.try_filter_map(|meta| std::future::ready(Ok(listed(dir, &meta))));
    match order {
        Order::Names => listed.take(limit).try_collect().await.map_err(unwritten),
        Order::Any => {
            let mut all: Vec<_> = listed.try_collect().await.map_err(unwritten)?;
            all.sort_unstable_by_key(|listed| listed.key);
            all.truncate(limit);
            Ok(all)
        }
    }
}

/// The spaces below this prefix that have something.
pub(super) async fn spaces(
    store: &dyn ObjectStore,
    prefix: &Path,
) -> Result<Vec<Space>, BlobError> {
    let found = store.list_with_delimiter(Some(prefix)).await;
    let dirs = found.map_err(unwritten)?.common_prefixes;
    let names = dirs.iter().filter_map(Path::filename);
    let mut spaces: Vec<_> = names.filter_map(Space::from_hex).collect();
    spaces.sort_unstable();
    Ok(spaces)
}

pub(super) fn head(meta: &ObjectMeta) -> Head {
    Head {
        size: meta.size,
        modified: meta.last_modified.into(),
    }
}

/// None where it is not ours: it has another name, or stands deeper.
fn listed(dir: &Path, meta: &ObjectMeta) -> Option<Listed> {
    let mut parts = meta.location.prefix_match(dir)?;
    let key = key_from_hex(parts.next()?.as_ref())?;
    parts.next().is_none().then(|| Listed {
        key,
        head: head(meta),
    })
}
