use std::sync::Arc;

use bytes::Bytes;
use mcpo2_artifact::blob::{BlobErrorKind, Depot, Keep, Limits, MemoryBlobs, Quotas};
use mcpo2_core::Digest;

use super::{cutting, keys, larger_chunks, whole, write};
use crate::support::{
    TestClock, at_once, commit, content, counted, depot_over, kind, memory, run, small_chunks,
    stored, tenant,
};

#[test]
fn sweep_takes_the_chunks_that_nothing_keeps_and_no_others() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let depot = cutting(store.clone(), keys, Limits::NONE);
            let acme = tenant(&depot, "acme");
            let base = content(1, 500_000);
            let edited: Bytes = [&base[..250_000], b"edit", &base[250_000..]]
                .concat()
                .into();
            let one = commit(&acme, "one", std::slice::from_ref(&base)).await[0];
            let two = commit(&acme, "two", std::slice::from_ref(&edited)).await[0];
            assert_eq!(acme.usage().await.unwrap().logical_bytes, 1_000_004);
            acme.forget("one").await.unwrap();
            let report = depot.sweep(&at_once()).await.unwrap();
            assert!((2..6).contains(&report.blobs_deleted), "{report:?}");
            assert_eq!(kind(acme.read(&one, 0..1).await), BlobErrorKind::NotFound);
            assert_eq!(whole(&acme, &two).await, edited);
            acme.forget("two").await.unwrap();
            depot.sweep(&at_once()).await.unwrap();
            assert_eq!(counted(&*store).await, (0, 0));
            assert_eq!(acme.usage().await.unwrap(), Default::default());
        }
    });
}

#[test]
fn nothing_of_what_is_being_written_or_was_found_is_swept() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(small_chunks());
        let acme = tenant(&depot, "acme");
        let bytes = content(1, 500_000);
        let digest = commit(&acme, "old", std::slice::from_ref(&bytes)).await[0];
        acme.forget("old").await.unwrap();
        let session = acme.session().await.unwrap();
        assert_eq!(session.claim(&digest).await.unwrap(), Some(500_000));
        let other = content(2, 500_000);
        let announced = Digest::of(&other);
        let mut writer = session.writer(&announced, 500_000).await.unwrap();
        writer.write(other.slice(..300_000)).await.unwrap();
        depot.sweep(&at_once()).await.unwrap();
        writer.write(other.slice(300_000..)).await.unwrap();
        depot.sweep(&at_once()).await.unwrap();
        writer.finish().await.unwrap();
        depot.sweep(&at_once()).await.unwrap();
        session.commit("both", Keep::Pinned("test")).await.unwrap();
        drop(session);
        depot.sweep(&at_once()).await.unwrap();
        assert_eq!(whole(&acme, &digest).await, bytes);
        assert_eq!(whole(&acme, &announced).await, other);
        assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
    });
}

#[test]
fn what_is_kept_whole_or_in_chunks_stays_readable_when_that_is_changed() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let on = cutting(store.clone(), keys.clone(), Limits::NONE);
            let off = || {
                Depot::new(
                    store.clone(),
                    Arc::new(keys.clone()),
                    Quotas::new(Limits::NONE),
                )
            };
            let bytes = [content(1, 300_000), content(2, 300_000)];
            let one = commit(&tenant(&off(), "acme"), "one", &bytes[..1]).await[0];
            let acme = tenant(&on, "acme");
            assert_eq!(whole(&acme, &one).await, bytes[0]);
            // It is not kept a second time, in chunks.
            let before = counted(&*store).await.0;
            commit(&acme, "again", &bytes[..1]).await;
            let session = acme.session().await.unwrap();
            write(&session, &bytes[0], 70_000).await;
            assert_eq!(counted(&*store).await.0, before + 2, "a root and a pin");
            let two = commit(&acme, "two", &bytes[1..]).await[0];
            drop((session, on));

            let off = off();
            let acme = tenant(&off, "acme");
            assert_eq!(whole(&acme, &two).await, bytes[1]);
            let session = acme.session().await.unwrap();
            assert_eq!(session.claim(&two).await.unwrap(), Some(300_000));
            session.commit("three", Keep::Pinned("test")).await.unwrap();
            drop(session);
            acme.forget("two").await.unwrap();
            off.sweep(&at_once()).await.unwrap();
            assert_eq!(whole(&acme, &one).await, bytes[0]);
            assert_eq!(whole(&acme, &two).await, bytes[1]);
        }
    });
}

#[test]
fn roots_hold_what_they_name_when_sizes_of_chunks_change() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let small = cutting(store.clone(), keys, Limits::NONE);
            let large = small.clone().with_chunks(larger_chunks());
            let (one, two) = (tenant(&small, "acme"), tenant(&large, "acme"));
            let bytes = content(1, 500_000);
            let digest = commit(&one, "one", std::slice::from_ref(&bytes)).await[0];
            let before = counted(&*store).await.0;
            let session = two.session().await.unwrap();
            write(&session, &bytes, 80_000).await;
            session.commit("two", Keep::Pinned("test")).await.unwrap();
            drop(session);
            assert_eq!(counted(&*store).await.0, before + 2, "a root and a pin");
            two.forget("two").await.unwrap();
            small.sweep(&at_once()).await.unwrap();
            assert_eq!(whole(&one, &digest).await, bytes);

            // Two who write at the same time, and neither found the chunks of the other.
            let bytes = content(2, 500_000);
            let digest = Digest::of(&bytes);
            let sessions = [one.session().await.unwrap(), two.session().await.unwrap()];
            let mut writers = Vec::new();
            for session in &sessions {
                let mut writer = session.writer(&digest, 500_000).await.unwrap();
                writer.write(bytes.clone()).await.unwrap();
                writers.push(writer);
            }
            for writer in writers {
                writer.finish().await.unwrap();
            }
            for (session, label) in sessions.iter().zip(["first", "second"]) {
                session.commit(label, Keep::Pinned("test")).await.unwrap();
            }
            drop(sessions);
            for gone in ["first", "second"] {
                small.sweep(&at_once()).await.unwrap();
                assert_eq!(whole(&one, &digest).await, bytes);
                one.forget(gone).await.unwrap();
            }
            small.sweep(&at_once()).await.unwrap();
            assert_eq!(kind(one.open(&digest).await), BlobErrorKind::NotFound);
            assert_eq!(stored(one.usage().await.unwrap()), counted(&*store).await);
        }
    });
}

/// Threads commit contents that have most chunks in common, read, forget and sweep as fast as they can.
#[test]
fn sweeping_beside_sessions_takes_no_chunk_of_what_is_committed() {
    let clock = TestClock::default();
    let store = Arc::new(memory(&clock));
    let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(small_chunks());
    let base = content(1, 300_000);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (depot, base) = (&depot, &base);
            scope.spawn(move || {
                for round in 0..20_u8 {
                    let acme = tenant(depot, "acme");
                    let edit = [(thread + round) % 3; 5];
                    let bytes: Bytes = [&base[..90_000], &edit, &base[90_000..]].concat().into();
                    let label = format!("{thread} {}", round % 2);
                    let digest = run(async {
                        let session = acme.session().await.unwrap();
                        let digest = Digest::of(&bytes);
                        if session.claim(&digest).await.unwrap().is_none() {
                            write(&session, &bytes, 40_000).await;
                        }
                        session.commit(&label, Keep::Pinned("test")).await.unwrap();
                        digest
                    });
                    if let Err(error) = run(depot.sweep(&at_once())) {
                        assert_eq!(error.kind(), BlobErrorKind::Locked);
                    }
                    assert!(run(whole(&acme, &digest)) == bytes);
                    run(acme.forget(&label)).unwrap();
                }
            });
        }
    });
    let acme = tenant(&depot, "acme");
    assert_eq!(stored(run(acme.usage()).unwrap()), run(counted(&*store)));
    run(depot.sweep(&at_once())).unwrap();
    assert_eq!(run(acme.usage()).unwrap(), Default::default());
}
