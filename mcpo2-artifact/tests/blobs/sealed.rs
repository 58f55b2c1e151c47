use std::{
    fs,
    sync::{Arc, Mutex},
};

use mcpo2_artifact::{
    Key,
    blob::{
        BlobErrorKind, BlobName, BlobStore, Depot, Keep, KeyDir, KeySource, Kind, Limits,
        MasterKey, MemoryBlobs, Quotas, Space,
    },
};
use mcpo2_core::Digest;

use crate::support::{
    TestClock, commit, content, counted, depot_over, kind, memory, run, stored, tenant,
};

const BLOCK: usize = 64 * 1024;

fn sealing(store: Arc<MemoryBlobs>, keys: impl KeySource) -> Depot {
    Depot::new(store, Arc::new(keys), Quotas::new(Limits::NONE))
}

async fn blobs(store: &MemoryBlobs) -> Vec<(Space, Key, Vec<u8>)> {
    let mut found = Vec::new();
    for space in store.spaces().await.unwrap() {
        for listed in store.list(&space, Kind::Blob, None, 100).await.unwrap() {
            let name = BlobName::new(space, Kind::Blob, listed.key);
            let bytes = store.read(&name, 0..u64::MAX).await.unwrap();
            found.push((space, listed.key, bytes.to_vec()));
        }
    }
    found
}

async fn replace(store: &MemoryBlobs, space: Space, key: Key, bytes: Vec<u8>) {
    let name = BlobName::new(space, Kind::Blob, key);
    store.delete(&name).await.unwrap();
    store.put(&name, bytes.into()).await.unwrap();
}

#[test]
fn sealed_content_is_read_in_ranges_and_nowhere_in_the_store() {
    run(async {
        let clock = TestClock::default();
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let store = Arc::new(memory(&clock));
            let depot = sealing(store.clone(), MasterKey::new([7; 32]).sealing());
            let acme = tenant(&depot, "acme");
            let bytes = content(1, size);
            let digest = commit(&acme, "one", std::slice::from_ref(&bytes)).await[0];
            let reader = acme.open(&digest).await.unwrap();
            assert_eq!(reader.size(), size as u64);
            for (from, to) in [
                (0, size),
                (size / 3, size / 2),
                (size / 2, size),
                (size.saturating_sub(1), size + 9),
            ] {
                let read = reader.read(from as u64..to as u64).await.unwrap();
                assert_eq!(
                    read,
                    bytes.slice(from..to.min(size)),
                    "{size}: {from}..{to}"
                );
            }
            assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
            let sealed = &blobs(&store).await[0].2;
            if size > 16 {
                assert!(!sealed.windows(16).any(|part| part == &bytes[..16]));
            }
            let session = acme.session().await.unwrap();
            let mut writer = session
                .writer(&Digest::of(&content(2, size)), size as u64)
                .await
                .unwrap();
            for part in content(2, size).chunks(10_000) {
                writer
                    .write(bytes::Bytes::copy_from_slice(part))
                    .await
                    .unwrap();
            }
            writer.finish().await.unwrap();
            session.commit("two", Keep::Pinned("test")).await.unwrap();
            let second = Digest::of(&content(2, size));
            assert_eq!(
                acme.read(&second, 0..u64::MAX).await.unwrap(),
                content(2, size)
            );
        }
    });
}

#[test]
fn sealed_block_that_was_changed_moved_cut_or_taken_from_elsewhere_is_refused() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = sealing(store.clone(), MasterKey::new([7; 32]).sealing());
        let acme = tenant(&depot, "acme");
        let digests = commit(
            &acme,
            "one",
            &[content(1, 3 * BLOCK), content(2, 3 * BLOCK)],
        )
        .await;
        let [one, two] = &blobs(&store).await[..] else {
            panic!()
        };
        let block = |at: usize| 32 + at * (BLOCK + 16)..32 + (at + 1) * (BLOCK + 16);
        let mut bad = Vec::new();
        for at in [0, 8, 32, one.2.len() - 1] {
            let mut changed = one.2.clone();
            changed[at] ^= 1;
            bad.push(changed);
        }
        let mut moved = one.2.clone();
        moved[block(0)].copy_from_slice(&one.2[block(1)]);
        bad.push(moved);
        bad.push(one.2[..block(1).end].to_vec());
        bad.push(one.2[..100].to_vec());
        bad.push([&one.2[..], &one.2[block(2)]].concat());
        bad.push(two.2.clone());
        bad.push(content(1, 3 * BLOCK).to_vec());
        for bytes in bad {
            replace(&store, one.0, one.1, bytes).await;
            let mut refused = 0;
            for digest in &digests {
                match acme.read(digest, 0..u64::MAX).await {
                    Ok(read) => assert_eq!(Digest::of(&read), *digest),
                    Err(error) => {
                        assert_eq!(error.kind(), BlobErrorKind::Corrupt);
                        refused += 1;
                    }
                }
            }
            assert_eq!(refused, 1);
        }
    });
}

#[test]
fn sealed_and_plain_do_not_take_each_other_for_their_own() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let plain = depot_over(store.clone(), Limits::NONE, &clock);
        let sealed = sealing(store.clone(), MasterKey::new([7; 32]).sealing());
        let digest = commit(&tenant(&plain, "acme"), "one", &[content(1, 10)]).await[0];
        let missing = tenant(&sealed, "acme").read(&digest, 0..1).await;
        assert_eq!(kind(missing), BlobErrorKind::NotFound);
        let url = tenant(&sealed, "acme")
            .presign(&digest, std::time::Duration::from_secs(1))
            .await;
        assert_eq!(kind(url), BlobErrorKind::Unsupported);
    });
}

/// A source whose keys somebody has copied before they were destroyed.
#[derive(Debug)]
struct Watched(KeyDir, Mutex<Vec<Space>>);

impl KeySource for Watched {
    fn keys(
        &self,
        tenant: &mcpo2_core::TenantId,
    ) -> Result<mcpo2_artifact::blob::TenantKeys, mcpo2_artifact::blob::BlobError> {
        let keys = self.0.keys(tenant)?;
        self.1.lock().unwrap().push(keys.space());
        Ok(keys)
    }

    fn destroy(
        &self,
        tenant: &mcpo2_core::TenantId,
    ) -> Result<(), mcpo2_artifact::blob::BlobError> {
        self.0.destroy(tenant)
    }
}

#[test]
fn what_was_shredded_cannot_be_read_even_from_a_copy_of_the_store() {
    run(async {
        let clock = TestClock::default();
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(memory(&clock));
        let depot = sealing(
            store.clone(),
            Watched(
                KeyDir::open(dir.path()).unwrap().sealing(),
                Mutex::default(),
            ),
        );
        assert_eq!(kind(KeyDir::open(dir.path())), BlobErrorKind::Locked);
        let digest = commit(&tenant(&depot, "acme"), "one", &[content(1, 1000)]).await[0];
        let other = commit(&tenant(&depot, "other"), "one", &[content(1, 1000)]).await[0];
        let copy = blobs(&store).await;
        let secrets = || {
            let files = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().path());
            files
                .filter(|path| path.extension().is_some_and(|it| it == "key"))
                .count()
        };
        assert_eq!(secrets(), 2);
        depot.shred(&"acme".parse().unwrap()).await.unwrap();
        assert_eq!(secrets(), 1);
        assert_eq!(counted(&*store).await.0, 3, "what the other has");
        tenant(&depot, "other").read(&other, 0..1).await.unwrap();
        for (space, key, bytes) in copy {
            replace(&store, space, key, bytes).await;
        }
        let acme = tenant(&depot, "acme");
        assert_eq!(
            kind(acme.read(&digest, 0..1).await),
            BlobErrorKind::NotFound
        );
        commit(&acme, "one", &[content(2, 10)]).await;
    });
}

#[test]
fn keys_are_the_same_after_a_restart_and_damaged_ones_are_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let acme = "acme".parse().unwrap();
    let clock = TestClock::default();
    let store = Arc::new(memory(&clock));
    let depot = sealing(store.clone(), KeyDir::open(dir.path()).unwrap().sealing());
    let digest = run(commit(&tenant(&depot, "acme"), "one", &[content(1, 10)]))[0];
    drop(depot);
    let depot = sealing(store.clone(), KeyDir::open(dir.path()).unwrap().sealing());
    run(tenant(&depot, "acme").read(&digest, 0..1)).unwrap();
    drop(depot);
    let keys = KeyDir::open(dir.path()).unwrap();
    let file = dir
        .path()
        .join(format!("{}.key", keys.keys(&acme).unwrap().space()));
    fs::write(&file, "short").unwrap();
    assert_eq!(kind(keys.keys(&acme)), BlobErrorKind::Keys);
    keys.destroy(&acme).unwrap();
    keys.keys(&acme).unwrap();
}
