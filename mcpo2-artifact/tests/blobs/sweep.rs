use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use mcpo2_artifact::{
    Clock as _,
    blob::{BlobErrorKind, BlobStore, Depot, Keep, Kind, Limits, SweepOptions, SweepReport},
};

use crate::support::{
    Fault, Faulty, TestClock, at_once, commit, content, counted, depot_over, kind, memory, run,
    stored, tenant,
};

#[test]
fn what_a_root_keeps_stays_and_the_rest_goes() {
    run(async {
        let clock = TestClock::default();
        let store = Arc::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let (shared, large) = (content(1, 10), content(2, 600_000));
        let one = commit(&acme, "one", &[shared.clone(), large]).await;
        commit(&acme, "two", &[shared, content(3, 20)]).await;
        commit(&tenant(&depot, "other"), "one", &[content(4, 30)]).await;
        let before = counted(&*store).await;
        assert_eq!(depot.sweep(&at_once()).await.unwrap().bytes_freed, 0);
        assert_eq!(counted(&*store).await, before);

        acme.unpin("two", "test").await.unwrap();
        let dry = depot.sweep(&at_once().dry_run()).await.unwrap();
        assert_eq!((dry.roots_deleted, dry.blobs_deleted), (1, 1));
        acme.keep("two", Keep::Pinned("again")).await.unwrap();
        acme.unpin("two", "again").await.unwrap();
        let report = depot.sweep(&at_once()).await.unwrap();
        assert_eq!(report, dry, "a dry run says what a sweep does");
        assert_eq!(
            (report.spaces, report.roots_kept, report.blobs_kept),
            (2, 2, 4)
        );
        assert!(!acme.has("two").await.unwrap());
        for digest in &one {
            acme.read(digest, 0..10).await.unwrap();
        }
        let freed = before.1 - counted(&*store).await.1;
        // The pin had gone before.
        assert_eq!(freed, report.bytes_freed + 80);

        acme.forget("one").await.unwrap();
        let report = depot.sweep(&at_once()).await.unwrap();
        assert_eq!(
            (report.pins_deleted, report.blobs_deleted),
            (1, 3),
            "blobs, a tree and the pin"
        );
        assert_eq!(stored(acme.usage().await.unwrap()), (0, 0));
        assert_eq!(acme.usage().await.unwrap().logical_bytes, 0);
        assert_eq!(
            kind(acme.read(&one[0], 0..1).await),
            BlobErrorKind::NotFound
        );
    });
}

#[test]
fn pins_end_at_their_time_and_the_last_one_counts() {
    run(async {
        let clock = TestClock::default();
        let depot = depot_over(Arc::new(memory(&clock)), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        let digest = session.put(content(1, 10)).await.unwrap();
        let after = |seconds| Keep::Until(clock.now() + Duration::from_secs(seconds));
        session.commit("one", after(900)).await.unwrap();
        drop(session);
        acme.keep("one", after(7200)).await.unwrap();
        acme.keep("one", after(7199)).await.unwrap();
        assert_eq!(
            acme.usage().await.unwrap().objects,
            4,
            "near times share a pin"
        );
        clock.pass(7199);
        let report = depot.sweep(&at_once()).await.unwrap();
        assert_eq!((report.pins_deleted, report.roots_kept), (1, 1));
        clock.pass(601);
        let grace = SweepOptions::default();
        assert_eq!(depot.sweep(&grace).await.unwrap().roots_kept, 1);
        acme.read(&digest, 0..1).await.unwrap();
        clock.pass(3600);
        assert_eq!(depot.sweep(&grace).await.unwrap().roots_deleted, 1);
        assert_eq!(acme.usage().await.unwrap().objects, 0);
    });
}

#[test]
fn nothing_that_a_session_put_or_found_is_swept_before_it_ends() {
    run(async {
        let clock = TestClock::default();
        let depot = depot_over(Arc::new(memory(&clock)), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let large = content(1, 300_000);
        let old = commit(&acme, "old", &[large.clone(), content(9, 9)]).await;
        acme.forget("old").await.unwrap();

        let session = acme.session().await.unwrap();
        assert_eq!(session.claim(&old[0]).await.unwrap(), Some(300_000));
        let new = session.put(content(2, 10)).await.unwrap();
        let mut begun = session
            .writer(&mcpo2_core::Digest::of(b"late"), 4)
            .await
            .unwrap();
        depot.sweep(&at_once()).await.unwrap();
        begun.write("late".into()).await.unwrap();
        begun.finish().await.unwrap();
        depot.sweep(&at_once()).await.unwrap();
        assert_eq!(
            kind(acme.read(&old[1], 0..1).await),
            BlobErrorKind::NotFound
        );
        session.commit("new", Keep::Pinned("test")).await.unwrap();
        drop(session);
        depot.sweep(&at_once()).await.unwrap();
        assert_eq!(acme.read(&old[0], 0..300_000).await.unwrap(), large);
        acme.read(&new, 0..1).await.unwrap();

        let session = acme.session().await.unwrap();
        session.put(content(3, 10)).await.unwrap();
        drop(session);
        clock.pass(3599);
        let young = depot.sweep(&SweepOptions::default()).await.unwrap();
        assert_eq!(young.blobs_deleted, 0);
        clock.pass(1);
        let aged = depot.sweep(&SweepOptions::default()).await.unwrap();
        assert_eq!(aged.blobs_deleted, 1);
    });
}

#[test]
fn claim_does_not_find_what_a_sweep_is_about_to_delete() {
    run(async {
        let clock = TestClock::default();
        let store = Faulty::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let digest = acme.session().await.unwrap().put(content(1, 10)).await;
        let digest = digest.unwrap();
        let session = acme.session().await.unwrap();
        let mut claim = pin!(session.claim(&digest));
        {
            store.plan([Fault::Hang]);
            let options = at_once();
            let mut sweep = pin!(depot.sweep(&options));
            assert!(sweep.as_mut().now_or_never().is_none());
            assert!(claim.as_mut().now_or_never().is_none());
        }
        // The sweep was given up before it deleted anything.
        assert_eq!(claim.await.unwrap(), Some(10));
        depot.sweep(&at_once()).await.unwrap();
        acme.read(&digest, 0..1).await.unwrap();
    });
}

#[test]
fn space_with_a_damaged_root_or_pin_is_left_alone() {
    run(async {
        for damaged in [Kind::Root, Kind::Pin] {
            let clock = TestClock::default();
            let store = Arc::new(memory(&clock));
            let depot = depot_over(store.clone(), Limits::NONE, &clock);
            let acme = tenant(&depot, "acme");
            let digest = commit(&acme, "one", &[content(1, 10)]).await[0];
            commit(&acme, "two", &[content(2, 10)]).await;
            acme.forget("two").await.unwrap();
            let space = store.spaces().await.unwrap()[0];
            let listed = store.list(&space, damaged, None, 1).await.unwrap()[0];
            let name = mcpo2_artifact::blob::BlobName::new(space, damaged, listed.key);
            let mut bytes = store.read(&name, 0..1000).await.unwrap().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            store.delete(&name).await.unwrap();
            store.put(&name, bytes.into()).await.unwrap();
            let report = depot.sweep(&at_once()).await.unwrap();
            let expected = SweepReport::default();
            assert_eq!(
                (report.damaged, report.spaces),
                (vec![space], expected.spaces)
            );
            assert_eq!(report.bytes_freed, 0);
            acme.read(&digest, 0..1).await.unwrap();
        }
    });
}

/// Threads commit, read, forget and sweep as fast as they can.
#[test]
fn sweeping_beside_sessions_takes_nothing_that_is_committed() {
    let clock = TestClock::default();
    let store = Arc::new(memory(&clock));
    let depot = depot_over(store.clone(), Limits::NONE, &clock);
    let swept: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let depot = &depot;
                scope.spawn(move || {
                    (0..60)
                        .map(|round| meddle(depot, thread, round))
                        .sum::<u64>()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert!(swept > 0);
    let acme = tenant(&depot, "acme");
    assert_eq!(stored(run(acme.usage()).unwrap()), run(counted(&*store)));
    run(depot.sweep(&at_once())).unwrap();
    let usage = run(acme.usage()).unwrap();
    assert_eq!(
        (usage.objects, usage.stored_bytes, usage.logical_bytes),
        (0, 0, 0)
    );
}

/// What one thread does in a round. It says how many blobs it swept.
fn meddle(depot: &Depot, thread: u64, round: u64) -> u64 {
    let acme = tenant(depot, "acme");
    // Few contents, so that threads meet.
    let contents: Vec<_> = (0..3)
        .map(|at| content((thread * 7 + round + at) % 5, 50))
        .collect();
    let label = format!("{thread} {}", round % 2);
    let digests = run(commit(&acme, &label, &contents));
    let swept = run(depot.sweep(&at_once()));
    for digest in &digests {
        run(acme.read(digest, 0..50)).unwrap();
    }
    run(acme.forget(&label)).unwrap();
    match swept {
        Ok(report) => report.blobs_deleted,
        Err(error) => {
            assert_eq!(error.kind(), BlobErrorKind::Locked);
            0
        }
    }
}
