use std::sync::Arc;

use bytes::Bytes;
use mcpo2_artifact::blob::{
    BlobErrorKind, BlobName, BlobStore, Limits, MasterKey, MemoryBlobs, TenantBlobs,
};
use mcpo2_core::Digest;

use super::{cutting, keys, larger_chunks, objects, whole};
use crate::support::{commit, content, counted, kind, run, stored, tenant};

async fn replace(store: &dyn BlobStore, name: &BlobName, bytes: Bytes) {
    store.delete(name).await.unwrap();
    store.put(name, bytes).await.unwrap();
}

/// What must come of a read in a store that somebody changed; how often it was refused.
async fn refused(acme: &TenantBlobs, digest: &Digest, bytes: &Bytes) -> u64 {
    let mut refused = 0;
    for from in (0..bytes.len()).step_by(90_000) {
        let to = (from + 90_000).min(bytes.len());
        match acme.read(digest, from as u64..to as u64).await {
            Ok(read) => assert!(read == bytes.slice(from..to)),
            Err(error) => {
                assert_eq!(error.kind(), BlobErrorKind::Corrupt);
                refused += 1;
            }
        }
    }
    refused
}

#[test]
fn whatever_was_changed_in_the_store_is_corrupt_and_never_other_bytes() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let depot = cutting(store.clone(), keys, Limits::NONE).with_chunks(larger_chunks());
            let acme = tenant(&depot, "acme");
            let bytes = content(1, 300_000);
            let digest = commit(&acme, "one", std::slice::from_ref(&bytes)).await[0];
            let mine = objects(&*store).await;
            commit(&acme, "two", &[content(2, 300_000)]).await;
            let all = objects(&*store).await;
            assert!(mine.len() > 4);
            for (name, object) in &mine {
                let mut bad = Vec::new();
                for at in [0, 9, object.len() - 1] {
                    let mut changed = object.to_vec();
                    changed[at] ^= 1;
                    bad.push(changed.into());
                }
                bad.push(object.slice(..object.len() - 1));
                bad.push(object.slice(..object.len() / 2));
                bad.push([&object[..], &object[..32]].concat().into());
                bad.push(Bytes::new());
                // The tree or the index of other content, and some other chunks.
                let short = all.iter().filter(|(_, other)| other.len() < 4000);
                let others = short.chain(all.iter().step_by(5));
                bad.extend(others.map(|(_, other)| other.clone()));
                for bytes_of in bad.into_iter().filter(|it| it != object) {
                    let longer = bytes_of.starts_with(object);
                    replace(&*store, name, bytes_of).await;
                    let refused = refused(&acme, &digest, &bytes).await;
                    // What stands behind a chunk is not looked at.
                    assert!(refused > 0 || longer, "{name:?}");
                }
                replace(&*store, name, object.clone()).await;
            }
            assert_eq!(refused(&acme, &digest, &bytes).await, 0);
        }
    });
}

#[test]
fn chunk_or_index_that_is_lost_or_cut_is_not_claimed_and_a_put_makes_it_whole() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let depot = || {
                let depot = cutting(store.clone(), keys.clone(), Limits::NONE);
                depot.with_chunks(larger_chunks())
            };
            let acme = tenant(&depot(), "acme");
            let bytes = content(1, 300_000);
            let digest = commit(&acme, "one", std::slice::from_ref(&bytes)).await[0];
            for (name, object) in objects(&*store).await {
                for damaged in [None, Some(object.slice(1..))] {
                    store.delete(&name).await.unwrap();
                    if let Some(damaged) = damaged {
                        store.put(&name, damaged).await.unwrap();
                    }
                    // As after a start: the books are counted anew.
                    let acme = tenant(&depot(), "acme");
                    let session = acme.session().await.unwrap();
                    assert_eq!(session.claim(&digest).await.unwrap(), None);
                    session.put(bytes.clone()).await.unwrap();
                    assert_eq!(session.claim(&digest).await.unwrap(), Some(300_000));
                    assert_eq!(whole(&acme, &digest).await, bytes);
                    assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
                }
            }
        }
    });
}

#[test]
fn index_that_was_changed_is_replaced_by_a_put() {
    run(async {
        let store = Arc::new(MemoryBlobs::new(1 << 30));
        let depot = cutting(store.clone(), MasterKey::new([7; 32]), Limits::NONE);
        let acme = tenant(&depot, "acme");
        let bytes = content(1, 300_000);
        let digest = commit(&acme, "one", std::slice::from_ref(&bytes)).await[0];
        let all = objects(&*store).await;
        let is_index = |(_, object): &&(BlobName, Bytes)| object.starts_with(b"mcpo2ix1");
        let (name, index) = all.iter().find(is_index).unwrap();
        let mut changed = index.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        replace(&*store, name, changed.into()).await;
        assert_eq!(kind(acme.open(&digest).await), BlobErrorKind::Corrupt);
        commit(&acme, "two", std::slice::from_ref(&bytes)).await;
        assert_eq!(whole(&acme, &digest).await, bytes);
        assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
    });
}
