//! What every [`Store`] must do, for implementors to run.

use bytes::Bytes;
use mcpo2_core::BoxError;

use crate::{Key, Store, StoreErrorKind};

/// A law that a part of the host broke.
#[derive(Debug, thiserror::Error)]
#[error("{law}")]
pub struct Violation {
    law: &'static str,
    #[source]
    source: Option<BoxError>,
}

/// Runs the laws on an empty store with room for at least 1 MiB.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use mcpo2_artifact::{MemoryStore, conformance};
/// conformance::check(&MemoryStore::new(1 << 20)).await.unwrap();
/// # });
/// ```
///
/// # Errors
///
/// The first [`Violation`].
pub async fn check(store: &dyn Store) -> Result<(), Violation> {
    let (one, two) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
    let whole = Bytes::from((0..=u8::MAX).cycle().take(100_000).collect::<Vec<_>>());

    absent(store, &one, "what was never put is not found").await?;
    put(store, &one, whole.clone()).await?;
    for (range, law) in [
        (0..100_000, "the whole is what was put"),
        (7..4_103, "a range is that range of what was put"),
        (99_999..u64::MAX, "a range is cut at the end"),
        (100_000..100_001, "a range behind the end is empty"),
        (
            u64::MAX - 1..u64::MAX,
            "a range far behind the end is empty",
        ),
        (5..5, "an empty range is empty"),
    ] {
        let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
        let expected = whole.slice(cut(range.start)..cut(range.end));
        holds(read(store, &one, range, law).await? == expected, law)?;
    }
    absent(store, &two, "another key is another object").await?;

    put(store, &one, Bytes::from_static(b"new")).await?;
    let law = "a second put replaces the first, all of it";
    holds(read(store, &one, 0..9, law).await? == "new", law)?;
    put(store, &two, Bytes::new()).await?;
    let law = "an empty object is there";
    holds(read(store, &two, 0..9, law).await?.is_empty(), law)?;

    remove(store, &one).await?;
    absent(store, &one, "what was removed is not found").await?;
    remove(store, &one).await?;
    let law = "removing one object leaves the others";
    read(store, &two, 0..1, law).await?;
    remove(store, &two).await?;

    // Room that was taken is given back: together these are far more than what must fit.
    for _ in 0..64 {
        put(store, &one, whole.clone()).await?;
        put(store, &one, whole.clone()).await?;
        remove(store, &one).await?;
    }
    Ok(())
}

async fn put(store: &dyn Store, key: &Key, bytes: Bytes) -> Result<(), Violation> {
    let put = store.put(key, bytes).await;
    put.map_err(|error| broken("an object that fits can be put", error))
}

async fn remove(store: &dyn Store, key: &Key) -> Result<(), Violation> {
    let removed = store.remove(key).await;
    removed.map_err(|error| broken("removing can be repeated", error))
}

async fn read(
    store: &dyn Store,
    key: &Key,
    range: std::ops::Range<u64>,
    law: &'static str,
) -> Result<Bytes, Violation> {
    let read = store.read(key, range).await;
    read.map_err(|error| broken(law, error))
}

async fn absent(store: &dyn Store, key: &Key, law: &'static str) -> Result<(), Violation> {
    match store.read(key, 0..1).await {
        Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
        Err(error) => Err(broken(law, error)),
        Ok(_) => holds(false, law),
    }
}

pub(crate) fn holds(it_does: bool, law: &'static str) -> Result<(), Violation> {
    match it_does {
        true => Ok(()),
        false => Err(Violation { law, source: None }),
    }
}

pub(crate) fn broken(law: &'static str, error: impl Into<BoxError>) -> Violation {
    let source = Some(error.into());
    Violation { law, source }
}
