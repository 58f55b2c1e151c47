mod damage;
mod kept;
mod room;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mcpo2_artifact::blob::{
    BlobErrorKind, BlobName, BlobStore, Chunking, Depot, Keep, Kind, Limits, MasterKey,
    MemoryBlobs, Quotas, Session, Space, TenantBlobs,
};
use mcpo2_core::Digest;
use proptest::prelude::*;

use crate::support::{
    TestClock, at_once, commit, content, counted, depot_over, kind, memory, run, small_chunks,
    stored, tenant,
};

/// The keys of depots: plain, and sealing where that is built.
fn keys() -> Vec<MasterKey> {
    let plain = MasterKey::new([7; 32]);
    #[cfg(feature = "encrypt")]
    return vec![plain.clone(), plain.sealing()];
    #[cfg(not(feature = "encrypt"))]
    vec![plain]
}

fn cutting(store: Arc<dyn BlobStore>, keys: MasterKey, limits: Limits) -> Depot {
    Depot::new(store, Arc::new(keys), Quotas::new(limits)).with_chunks(small_chunks())
}

fn larger_chunks() -> Chunking {
    let chunking = Chunking::default().with_threshold(0);
    chunking.with_sizes(16_384, 65_536, 262_144).unwrap()
}

async fn write(session: &Session, whole: &Bytes, part: usize) -> Digest {
    let digest = Digest::of(whole);
    let writer = session.writer(&digest, whole.len() as u64).await;
    let mut writer = writer.unwrap();
    for part in whole.chunks(part) {
        writer.write(Bytes::copy_from_slice(part)).await.unwrap();
    }
    writer.finish().await.unwrap();
    digest
}

async fn objects(store: &dyn BlobStore) -> Vec<(BlobName, Bytes)> {
    let mut found = Vec::new();
    for space in store.spaces().await.unwrap() {
        for listed in store.list(&space, Kind::Blob, None, 9999).await.unwrap() {
            let name = BlobName::new(space, Kind::Blob, listed.key);
            found.push((name, store.read(&name, 0..u64::MAX).await.unwrap()));
        }
    }
    found
}

async fn whole(blobs: &TenantBlobs, digest: &Digest) -> Bytes {
    blobs.read(digest, 0..u64::MAX).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn edited_content_is_read_in_any_range(
        (seed, size) in (any::<u64>(), 400_000..900_000_usize),
        (at, taken, inserted) in (any::<proptest::sample::Index>(), 0..300_usize, 0..300_usize),
        ranges in proptest::collection::vec(any::<[proptest::sample::Index; 2]>(), 5),
        part in 1000..300_000_usize,
        (sealed, in_files) in any::<(bool, bool)>(),
    ) {
        run(async {
            let keys = if sealed { keys().pop() } else { keys().into_iter().next() };
            let dir = tempfile::tempdir().unwrap();
            let store = store(in_files.then_some(dir.path()));
            let depot = cutting(store.clone(), keys.unwrap(), Limits::NONE);
            let acme = tenant(&depot, "acme");
            let before = content(seed, size);
            let at = at.index(size);
            let behind = before.get(at + taken..).unwrap_or_default();
            let after: Bytes = [&before[..at], &content(1, inserted)[..], behind].concat().into();
            let session = acme.session().await.unwrap();
            let mut digests = Vec::new();
            for bytes in [&before, &after] {
                digests.push(write(&session, bytes, part).await);
            }
            session.commit("both", Keep::Pinned("test")).await.unwrap();
            drop(session);
            prop_assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
            depot.sweep(&at_once()).await.unwrap();
            for (digest, bytes) in digests.iter().zip([&before, &after]) {
                let reader = acme.open(digest).await.unwrap();
                prop_assert_eq!(reader.size(), bytes.len() as u64);
                prop_assert!(reader.read(0..u64::MAX).await.unwrap() == bytes);
                for [from, to] in &ranges {
                    let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                    let range = from.min(to)..from.max(to) + 1;
                    let read = reader.read(range.start as u64..range.end as u64).await;
                    prop_assert!(read.unwrap() == bytes.slice(range));
                }
            }
            Ok(())
        })?;
    }
}

/// With content that is always the same: of any other, an edit has more cut anew now and then.
#[test]
fn edited_content_shares_most_of_what_is_stored() {
    run(async {
        for keys in keys() {
            for seed in 0..24_usize {
                let store = Arc::new(MemoryBlobs::new(1 << 30));
                let acme = tenant(&cutting(store, keys.clone(), Limits::NONE), "acme");
                let size = 400_000 + seed * 20_000;
                let before = content(seed as u64, size);
                let (head, rest) = before.split_at(size / 24 * seed);
                let after: Bytes = [head, &content(999, 200)[..], &rest[100..]].concat().into();
                let session = acme.session().await.unwrap();
                write(&session, &before, 100_000).await;
                let first = acme.usage().await.unwrap().stored_bytes;
                write(&session, &after, 30_000).await;
                let both = acme.usage().await.unwrap().stored_bytes;
                assert!(first >= size as u64, "{first} of {size}");
                // The chunks about the edit, an index and a tree.
                let more = both - first;
                assert!(more < 4 * 65_536 + 10_000, "{more} of {size}, seed {seed}");
            }
        }
    });
}

#[cfg(unix)]
fn store(dir: Option<&std::path::Path>) -> Arc<dyn BlobStore> {
    use mcpo2_artifact::blob::FsBlobs;
    match dir {
        Some(dir) => Arc::new(FsBlobs::open(dir.join("store")).unwrap()),
        None => Arc::new(MemoryBlobs::new(1 << 30)),
    }
}

#[cfg(not(unix))]
fn store(_: Option<&std::path::Path>) -> Arc<dyn BlobStore> {
    Arc::new(MemoryBlobs::new(1 << 30))
}

#[test]
fn content_is_put_in_chunks_from_the_threshold_on_and_otherwise_whole() {
    run(async {
        let clock = TestClock::default();
        for (threshold, size, cut) in [
            (0, 262_144, false),
            (0, 262_145, true),
            (400_000, 399_999, false),
            (400_000, 400_000, true),
        ] {
            let store = Arc::new(memory(&clock));
            let chunking = small_chunks().with_threshold(threshold);
            let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(chunking);
            let acme = tenant(&depot, "acme");
            let digest = commit(&acme, "one", &[content(1, size)]).await[0];
            let objects = objects(&*store).await.len();
            assert_eq!(objects > 2, cut, "{objects} of {size}");
            assert_eq!(whole(&acme, &digest).await, content(1, size));
            // By itself, it can neither be signed for nor be absent.
            let url = acme.presign(&digest, Duration::from_secs(9)).await;
            assert_eq!(kind(url), BlobErrorKind::Unsupported);
            let (none, valid) = (Digest::of(b"no"), Duration::from_secs(9));
            let url = acme.presign(&none, valid).await;
            assert_eq!(kind(url), BlobErrorKind::NotFound);
        }
    });
}

#[test]
fn sizes_of_chunks_are_rising_powers_of_two() {
    let sizes = |least, mean, most| Chunking::default().with_sizes(least, mean, most);
    sizes(4096, 8192, 16 << 20).unwrap();
    for (least, mean, most) in [
        (2048, 8192, 16_384),
        (4096, 4096, 8192),
        (8192, 4096, 16_384),
        (4096, 10_000, 16_384),
        (4096, 8192, 32 << 20),
        (0, 0, 0),
    ] {
        sizes(least, mean, most).unwrap_err();
    }
}

#[test]
fn nothing_of_one_tenant_is_cut_or_named_as_of_another() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(small_chunks());
        let bytes = content(1, 600_000);
        for name in ["acme", "other"] {
            commit(&tenant(&depot, name), "one", std::slice::from_ref(&bytes)).await;
        }
        let all = objects(&*store).await;
        let lengths = |space: Space| {
            let of = all.iter().filter(|(name, _)| name.space == space);
            let mut lengths: Vec<_> = of.map(|(_, object)| object.len()).collect();
            lengths.sort_unstable();
            lengths
        };
        let [one, other] = store.spaces().await.unwrap()[..] else {
            panic!()
        };
        assert_ne!(lengths(one), lengths(other));
        let mut keys: Vec<_> = all.iter().map(|(name, _)| name.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all.len());
        // Nor is a chunk a blob that who knows its digest could read.
        let acme = tenant(&depot, "acme");
        for (_, object) in &all {
            let digest = Digest::of(object);
            assert_eq!(kind(acme.open(&digest).await), BlobErrorKind::NotFound);
        }
    });
}

#[test]
fn equal_chunks_of_one_content_are_one_object() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let acme = tenant(&cutting(store.clone(), keys, Limits::NONE), "acme");
            let bytes = Bytes::from(vec![0; 1 << 20]);
            let digest = commit(&acme, "one", std::slice::from_ref(&bytes)).await[0];
            assert!(objects(&*store).await.len() <= 4);
            assert_eq!(whole(&acme, &digest).await, bytes);
            let session = acme.session().await.unwrap();
            assert_eq!(session.claim(&digest).await.unwrap(), Some(1 << 20));
            assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
        }
    });
}

#[cfg(unix)]
#[test]
fn upload_is_finished_in_chunks() {
    use mcpo2_artifact::blob::{NewUpload, Uploads};
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(small_chunks());
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(dir.path(), depot.clone()).await.unwrap();
        let acme = "acme".parse().unwrap();
        let until = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(9_000_000_000);
        let bytes = content(1, 500_000);
        let digest = Digest::of(&bytes);
        for _ in 0..2 {
            let id = uploads
                .create(&acme, NewUpload::new(until))
                .await
                .unwrap()
                .id;
            for at in [0, 250_000] {
                let part = bytes.slice(at..at + 250_000);
                uploads.append(&acme, &id, at as u64, part).await.unwrap();
            }
            let finish = uploads.finish(&acme, &id, &digest, Keep::Pinned("test"));
            finish.await.unwrap();
            let blobs = tenant(&depot, "acme");
            assert!(objects(&*store).await.len() > 10);
            assert_eq!(whole(&blobs, &digest).await, bytes);
            uploads.abort(&acme, &id).await.unwrap();
            assert_eq!(stored(blobs.usage().await.unwrap()), counted(&*store).await);
        }
    });
}
