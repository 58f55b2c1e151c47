use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mcpo2_artifact::blob::{BlobErrorKind, BlobStore, Keep, Kind, Limits, Resource};
use mcpo2_core::Digest;

use crate::support::{
    TestClock, at_once, commit, content, counted, depot_over, kind, memory, run, stored, tenant,
};

#[test]
fn what_was_put_is_read_in_ranges_whatever_its_length() {
    run(async {
        let clock = TestClock::default();
        let depot = depot_over(Arc::new(memory(&clock)), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        for size in [0, 1, 1000, 262_144, 262_145, 1_000_000] {
            let bytes = content(size as u64, size);
            let digest = commit(&acme, &size.to_string(), std::slice::from_ref(&bytes)).await[0];
            assert_eq!(digest, Digest::of(&bytes));
            assert_eq!(acme.read(&digest, 0..u64::MAX).await.unwrap(), bytes);
            let reader = acme.open(&digest).await.unwrap();
            assert_eq!(reader.size(), size as u64);
            for (from, to) in [
                (0, 1),
                (size / 3, size / 2),
                (size / 2, size),
                (size, size + 9),
            ] {
                let read = reader.read(from as u64..to as u64).await.unwrap();
                assert_eq!(
                    read,
                    bytes.slice(from.min(size)..to.min(size)),
                    "{size}: {from}..{to}"
                );
            }
            assert!(
                reader
                    .read(u64::MAX - 1..u64::MAX)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
    });
}

#[test]
fn equal_content_is_kept_once_for_a_tenant_and_again_for_another() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let (acme, other) = (tenant(&depot, "acme"), tenant(&depot, "other"));
        let bytes = content(1, 1000);
        let digest = commit(&acme, "one", std::slice::from_ref(&bytes)).await[0];
        let alone = acme.usage().await.unwrap();
        commit(&acme, "two", &[bytes.clone(), bytes.clone()]).await;
        let both = acme.usage().await.unwrap();
        // A root and a pin more, and no blob.
        assert_eq!(both.objects, alone.objects + 2);
        assert_eq!((alone.logical_bytes, both.logical_bytes), (1000, 2000));

        assert_eq!(
            kind(other.read(&digest, 0..1).await),
            BlobErrorKind::NotFound
        );
        assert_eq!(
            other.session().await.unwrap().claim(&digest).await.unwrap(),
            None
        );
        commit(&other, "one", &[bytes]).await;
        let spaces = store.spaces().await.unwrap();
        assert_eq!(spaces.len(), 2);
        for kind in Kind::ALL {
            let mut names = Vec::new();
            for space in &spaces {
                names.extend(store.list(space, kind, None, 100).await.unwrap());
            }
            let mut keys: Vec<_> = names.iter().map(|listed| listed.key).collect();
            assert!(keys.iter().all(|key| key.as_bytes() != digest.as_bytes()));
            let all = keys.len();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), all, "no name of one tenant is one of another");
        }
    });
}

#[test]
fn writer_takes_what_was_announced_and_nothing_else() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        let bytes = content(1, 700_000);
        let digest = Digest::of(&bytes);
        for (announced, size, given) in [
            (digest, 700_000, content(2, 700_000)),
            (digest, 700_001, bytes.clone()),
            (digest, 699_999, bytes.clone()),
            (Digest::of(b""), 700_000, bytes.clone()),
        ] {
            let mut writer = session.writer(&announced, size).await.unwrap();
            let written = writer.write(given).await;
            let finished = match written {
                Ok(()) => writer.finish().await,
                Err(error) => Err(error),
            };
            assert_eq!(kind(finished), BlobErrorKind::Mismatch);
            assert_eq!(counted(&*store).await, (0, 0));
        }
        let mut writer = session.writer(&digest, 700_000).await.unwrap();
        for part in bytes.chunks(9_999) {
            writer.write(Bytes::copy_from_slice(part)).await.unwrap();
        }
        writer.finish().await.unwrap();
        session.commit("one", Keep::Pinned("test")).await.unwrap();
        drop(session);
        depot.sweep(&at_once()).await.unwrap();
        assert_eq!(
            acme.read(&digest, 5..600_000).await.unwrap(),
            bytes.slice(5..600_000)
        );
        assert_eq!(stored(acme.usage().await.unwrap()), counted(&*store).await);
    });
}

#[test]
fn quota_of_each_resource_is_the_most_there_is() {
    run(async {
        for (limits, resource) in [
            (
                Limits::NONE.with_logical_bytes(2500),
                Resource::LogicalBytes,
            ),
            (Limits::NONE.with_stored_bytes(2500), Resource::StoredBytes),
            (Limits::NONE.with_objects(2), Resource::Objects),
        ] {
            let clock = TestClock::default();
            let store = Arc::new(memory(&clock));
            let depot = depot_over(store.clone(), limits, &clock);
            let acme = tenant(&depot, "acme");
            let session = acme.session().await.unwrap();
            session.put(content(1, 1000)).await.unwrap();
            session.put(content(2, 1000)).await.unwrap();
            // What is there costs nothing, and what is refused leaves nothing.
            session.put(content(2, 1000)).await.unwrap();
            let refused = session.put(content(3, 1000)).await;
            assert_eq!(kind(refused), BlobErrorKind::Quota(resource));
            assert_eq!(counted(&*store).await, (2, 2000));
            // Others are not touched by it.
            let other = tenant(&depot, "other").session().await.unwrap();
            other.put(content(3, 1000)).await.unwrap();
            drop(session);
            depot.sweep(&at_once()).await.unwrap();
            let session = acme.session().await.unwrap();
            session.put(content(3, 1000)).await.unwrap();
        }
    });
}

#[test]
fn puts_at_the_same_time_do_not_overshoot_the_quota_together() {
    let clock = TestClock::default();
    let store = Arc::new(memory(&clock));
    let limits = Limits::NONE.with_stored_bytes(20_000);
    let depot = depot_over(store.clone(), limits, &clock);
    let acme = tenant(&depot, "acme");
    let session = run(acme.session()).unwrap();
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let session = &session;
                scope.spawn(move || {
                    let puts =
                        (0..20).map(|at| run(session.put(content(thread % 4 * 100 + at, 1000))));
                    puts.filter(Result::is_ok).count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert!(taken >= 20, "{taken}");
    let usage = run(acme.usage()).unwrap();
    assert_eq!(stored(usage), run(counted(&*store)));
    assert_eq!(usage.stored_bytes, 20_000);
}

#[test]
fn usage_is_the_same_when_the_store_is_opened_again() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        commit(&acme, "one", &[content(1, 300_000), content(2, 5)]).await;
        commit(&acme, "two", &[content(1, 300_000)]).await;
        acme.keep(
            "one",
            Keep::Until(std::time::UNIX_EPOCH + Duration::from_secs(9)),
        )
        .await
        .unwrap();
        let usage = acme.usage().await.unwrap();
        assert_eq!(usage.logical_bytes, 600_005);
        assert_eq!(stored(usage), counted(&*store).await);
        let again = tenant(&depot_over(store.clone(), Limits::NONE, &clock), "acme");
        assert_eq!(again.usage().await.unwrap(), usage);
    });
}

#[test]
fn label_stands_for_one_thing() {
    run(async {
        let clock = TestClock::default();
        let depot = depot_over(Arc::new(memory(&clock)), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        commit(&acme, "one", &[content(1, 10)]).await;
        let usage = acme.usage().await.unwrap();
        commit(&acme, "one", &[content(1, 10)]).await;
        assert_eq!(acme.usage().await.unwrap(), usage);
        let session = acme.session().await.unwrap();
        session.put(content(2, 10)).await.unwrap();
        let other = session.commit("one", Keep::Pinned("test")).await;
        assert_eq!(kind(other), BlobErrorKind::Mismatch);
        assert!(acme.has("one").await.unwrap() && !acme.has("two").await.unwrap());
        let missing = acme.keep("two", Keep::Pinned("test")).await;
        assert_eq!(kind(missing), BlobErrorKind::NotFound);
    });
}

#[test]
fn session_that_commits_twice_counts_twice() {
    run(async {
        let clock = TestClock::default();
        let limits = Limits::NONE.with_logical_bytes(250);
        let depot = depot_over(Arc::new(memory(&clock)), limits, &clock);
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        session.put(content(1, 100)).await.unwrap();
        session.commit("one", Keep::Pinned("test")).await.unwrap();
        assert_eq!(acme.usage().await.unwrap().logical_bytes, 100);
        session.commit("two", Keep::Pinned("test")).await.unwrap();
        let third = session.commit("three", Keep::Pinned("test")).await;
        assert_eq!(kind(third), BlobErrorKind::Quota(Resource::LogicalBytes));
        drop(session);
        assert_eq!(acme.usage().await.unwrap().logical_bytes, 200);
    });
}

#[test]
fn memory_makes_no_urls_and_master_keys_are_not_destroyed() {
    run(async {
        let clock = TestClock::default();
        let depot = depot_over(Arc::new(memory(&clock)), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let digest = commit(&acme, "one", &[content(1, 10)]).await[0];
        let url = acme.presign(&digest, Duration::from_secs(60)).await;
        assert_eq!(kind(url), BlobErrorKind::Unsupported);
        let shredded = depot.shred(&"acme".parse().unwrap()).await;
        assert_eq!(kind(shredded), BlobErrorKind::Unsupported);
        acme.read(&digest, 0..1).await.unwrap();
    });
}
