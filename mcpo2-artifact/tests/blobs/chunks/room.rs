use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::FutureExt as _;
use mcpo2_artifact::blob::{BlobErrorKind, Keep, Limits, MemoryBlobs, Resource};
use mcpo2_core::Digest;

use super::{cutting, keys, whole, write};
use crate::support::{
    Fault, Faulty, TestClock, at_once, content, counted, depot_over, kind, memory, run,
    small_chunks, stored, tenant,
};

#[test]
fn room_for_all_of_it_is_taken_before_and_what_was_there_is_given_back() {
    run(async {
        for keys in keys() {
            let store = Arc::new(MemoryBlobs::new(1 << 30));
            let limits = Limits::NONE.with_stored_bytes(1_600_000);
            let depot = cutting(store.clone(), keys, limits);
            let acme = tenant(&depot, "acme");
            let session = acme.session().await.unwrap();
            let base = content(1, 700_000);
            let edited: Bytes = [&base[..], b"more"].concat().into();
            write(&session, &base, 50_000).await;
            session.put(edited).await.unwrap();
            let usage = acme.usage().await.unwrap();
            assert_eq!(stored(usage), counted(&*store).await);
            assert!(usage.stored_bytes < 900_000, "{usage:?}");
            // What does not fit leaves nothing, not even the chunks that would.
            let refused = session.put(content(2, 900_000)).await;
            let quota = BlobErrorKind::Quota(Resource::StoredBytes);
            assert_eq!(kind(refused), quota);
            assert_eq!(stored(usage), counted(&*store).await);
            // What is there already needs no room.
            for number in 0..4 {
                session.put(content(number, 200_000)).await.unwrap();
            }
            tenant(&depot, "acme")
                .session()
                .await
                .unwrap()
                .put(base)
                .await
                .unwrap();
            session.commit("one", Keep::Pinned("test")).await.unwrap();
            assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
        }
    });
}

#[test]
fn chunks_count_as_objects_and_too_many_are_refused_before() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let limits = Limits::NONE.with_objects(100);
        let depot = depot_over(store.clone(), limits, &clock).with_chunks(small_chunks());
        let session = tenant(&depot, "acme").session().await.unwrap();
        // Up to 74 chunks, an index and a tree.
        session.put(content(1, 300_000)).await.unwrap();
        let before = counted(&*store).await;
        let refused = session.put(content(2, 400_000)).await;
        assert_eq!(kind(refused), BlobErrorKind::Quota(Resource::Objects));
        assert_eq!(counted(&*store).await, before);
    });
}

#[test]
fn what_is_not_what_was_announced_leaves_only_what_the_next_sweep_takes() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(small_chunks());
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        let bytes = content(1, 400_000);
        let digest = Digest::of(&bytes);
        for (size, given) in [
            (400_000, content(2, 400_000)),
            (400_001, bytes.clone()),
            (399_999, bytes.clone()),
        ] {
            let finished = async {
                let mut writer = session.writer(&digest, size).await?;
                writer.write(given).await?;
                writer.finish().await
            };
            assert_eq!(kind(finished.await), BlobErrorKind::Mismatch);
            assert_eq!(kind(acme.open(&digest).await), BlobErrorKind::NotFound);
            assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
        }
        depot.sweep(&at_once()).await.unwrap();
        assert_eq!(counted(&*store).await, (0, 0));
        assert_eq!(acme.usage().await.unwrap(), Default::default());
        session.put(bytes).await.unwrap();
    });
}

#[test]
fn write_that_was_given_up_makes_nothing_of_the_rest() {
    run(async {
        let clock = TestClock::default();
        let store = Faulty::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock).with_chunks(small_chunks());
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        let bytes = content(1, 400_000);
        let digest = Digest::of(&bytes);
        let mut writer = session.writer(&digest, 400_000).await.unwrap();
        store.plan([Fault::Hang]);
        let given_up = pin!(writer.write(bytes.slice(..200_000))).now_or_never();
        assert!(given_up.is_none());
        store.plan([]);
        writer.write(bytes.slice(200_000..)).await.unwrap();
        assert_eq!(kind(writer.finish().await), BlobErrorKind::Mismatch);
        assert_eq!(kind(acme.open(&digest).await), BlobErrorKind::NotFound);
        session.put(bytes.clone()).await.unwrap();
        assert_eq!(whole(&acme, &digest).await, bytes);
        assert_eq!(
            stored(acme.usage().await.unwrap()),
            counted(&store.inner).await
        );
    });
}
