//! What every [`BlobStore`] must do, for implementors to run.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{BlobError, BlobErrorKind, BlobName, BlobStore, Kind, Put, Space};
use crate::Key;

/// A law that a store broke.
#[derive(Debug, thiserror::Error)]
#[error("{law}")]
pub struct Violation {
    law: &'static str,
    #[source]
    source: Option<BlobError>,
}

/// Runs the laws on an empty store with room for at least 16 MiB.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// use mcpo2_artifact::blob::{MemoryBlobs, conformance};
/// conformance::check(&MemoryBlobs::new(16 << 20)).await.unwrap();
/// # });
/// ```
///
/// # Errors
///
/// The first [`Violation`].
pub async fn check(store: &dyn BlobStore) -> Result<(), Violation> {
    puts_and_reads(store).await?;
    ranges(store).await?;
    writers(store).await?;
    lengths(store).await?;
    lists(store).await?;
    one_of_many_creates(store).await
}

async fn puts_and_reads(store: &dyn BlobStore) -> Result<(), Violation> {
    let law = "what was never put is not there";
    let one = name(1, Kind::Blob, 1);
    absent(store, &one, law).await?;
    created(store, &one, "first").await?;
    let law = "what is under a name stays as it was put first";
    let again = told(store.put(&one, "other".into()).await, law)?;
    holds(again == Put::Present, law)?;
    holds(told(store.read(&one, 0..9).await, law)? == "first", law)?;
    for other in [
        name(2, Kind::Blob, 1),
        name(1, Kind::Root, 1),
        name(1, Kind::Blob, 2),
    ] {
        absent(store, &other, "a name is its space, its kind and its key").await?;
    }
    let law = "an empty object is there";
    let empty = name(1, Kind::Blob, 9);
    created(store, &empty, "").await?;
    holds(told(store.read(&empty, 0..9).await, law)?.is_empty(), law)?;
    let head = told(store.head(&empty).await, law)?;
    holds(head.is_some_and(|head| head.size == 0), law)?;
    for gone in [&one, &empty, &one] {
        told(store.delete(gone).await, "deleting can be repeated")?;
        absent(store, gone, "what was deleted is not there").await?;
    }
    created(store, &one, "anew").await?;
    told(store.delete(&one).await, "what was put anew can be deleted")
}

async fn ranges(store: &dyn BlobStore) -> Result<(), Violation> {
    let whole = Bytes::from((0..=u8::MAX).cycle().take(100_000).collect::<Vec<_>>());
    let one = name(1, Kind::Blob, 1);
    let law = "an object that fits can be put";
    told(store.put(&one, whole.clone()).await, law)?;
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
        holds(told(store.read(&one, range).await, law)? == expected, law)?;
    }
    told(store.delete(&one).await, "a large object can be deleted")
}

async fn writers(store: &dyn BlobStore) -> Result<(), Violation> {
    const PART: usize = 1 << 20;
    let parts: Vec<_> = (1..=6_u8)
        .map(|byte| Bytes::from(vec![byte; PART]))
        .collect();
    let size = 6 << 20;
    let one = name(3, Kind::Blob, 1);
    let law = "nothing is seen of what is not finished";
    let mut writer = told(store.writer(&one, size).await, law)?;
    for part in &parts {
        told(writer.write(part.clone()).await, law)?;
    }
    absent(store, &one, law).await?;
    drop(writer);
    absent(store, &one, law).await?;

    let law = "what is finished is the parts in their order";
    let mut writer = told(store.writer(&one, size).await, law)?;
    for part in &parts {
        told(writer.write(part.clone()).await, law)?;
    }
    holds(told(writer.finish().await, law)? == Put::Created, law)?;
    let read = told(store.read(&one, 0..size).await, law)?;
    holds(read == parts.concat(), law)?;

    let law = "what is finished second leaves the first";
    let mut writer = told(store.writer(&one, 2).await, law)?;
    told(writer.write("no".into()).await, law)?;
    holds(told(writer.finish().await, law)? == Put::Present, law)?;
    let head = told(store.head(&one).await, law)?;
    holds(head.is_some_and(|head| head.size == size), law)?;

    told(store.delete(&one).await, "what was written can be deleted")
}

async fn lengths(store: &dyn BlobStore) -> Result<(), Violation> {
    let law = "an object has as many bytes as were announced";
    let two = name(3, Kind::Blob, 2);
    for text in ["few", "too many"] {
        let mut writer = told(store.writer(&two, 5).await, law)?;
        let written = writer.write(text.into()).await;
        let finished = match written {
            Ok(()) => writer.finish().await.map(drop),
            Err(error) => Err(error),
        };
        holds(
            matches!(&finished, Err(error) if error.kind() == BlobErrorKind::Mismatch),
            law,
        )?;
        absent(store, &two, law).await?;
    }
    Ok(())
}

async fn lists(store: &dyn BlobStore) -> Result<(), Violation> {
    let law = "a list has all of its space and kind, in order, and nothing else";
    let keys: Vec<_> = (0..7).map(|byte| name(4, Kind::Blob, byte * 40)).collect();
    for name in keys.iter().rev() {
        created(store, name, "listed").await?;
    }
    for other in [name(4, Kind::Pin, 1), name(5, Kind::Blob, 1)] {
        created(store, &other, "not listed").await?;
    }
    for limit in [1, 3, 7, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let of = space(4);
            let page = store.list(&of, Kind::Blob, after.as_ref(), limit);
            let page = told(page.await, law)?;
            holds(
                page.len() <= limit && page.iter().all(|it| it.head.size == 6),
                law,
            )?;
            found.extend(page.iter().map(|listed| listed.key));
            match page.last() {
                Some(last) if page.len() == limit => after = Some(last.key),
                _ => break,
            }
        }
        holds(found.iter().eq(keys.iter().map(|name| &name.key)), law)?;
    }
    let law = "the spaces are those that have something, in order";
    let spaces = told(store.spaces().await, law)?;
    holds(spaces.is_sorted(), law)?;
    holds([4, 5].iter().all(|it| spaces.contains(&space(*it))), law)?;
    let rest = [name(4, Kind::Pin, 1), name(5, Kind::Blob, 1)];
    for gone in keys.iter().chain(&rest) {
        told(store.delete(gone).await, "what was listed can be deleted")?;
    }
    let left = told(store.list(&space(4), Kind::Blob, None, 9).await, law)?;
    holds(left.is_empty(), "what was deleted is not listed")
}

async fn one_of_many_creates(store: &dyn BlobStore) -> Result<(), Violation> {
    let law = "of many who put one name, one creates it";
    let one = name(6, Kind::Blob, 1);
    let puts = join_all((0..8).map(|_| store.put(&one, "same".into()))).await;
    let puts: Result<Vec<_>, _> = puts.into_iter().map(|put| told(put, law)).collect();
    holds(
        puts?.iter().filter(|put| **put == Put::Created).count() == 1,
        law,
    )?;
    told(store.delete(&one).await, law)
}

fn space(byte: u8) -> Space {
    Space::from_bytes([byte; 16])
}

fn name(of: u8, kind: Kind, key: u8) -> BlobName {
    BlobName::new(space(of), kind, Key::from_bytes([key; 32]))
}

async fn created(
    store: &dyn BlobStore,
    name: &BlobName,
    text: &'static str,
) -> Result<(), Violation> {
    let law = "a new object that fits is created";
    let put = told(store.put(name, text.into()).await, law)?;
    holds(put == Put::Created, law)
}

async fn absent(
    store: &dyn BlobStore,
    name: &BlobName,
    law: &'static str,
) -> Result<(), Violation> {
    holds(told(store.head(name).await, law)?.is_none(), law)?;
    match store.read(name, 0..1).await {
        Err(error) if error.kind() == BlobErrorKind::NotFound => Ok(()),
        read => told(read, law).and_then(|_| holds(false, law)),
    }
}

fn holds(it_does: bool, law: &'static str) -> Result<(), Violation> {
    match it_does {
        true => Ok(()),
        false => Err(Violation { law, source: None }),
    }
}

fn told<T>(told: Result<T, BlobError>, law: &'static str) -> Result<T, Violation> {
    told.map_err(|error| Violation {
        law,
        source: Some(error),
    })
}
