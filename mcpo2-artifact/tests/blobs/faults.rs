use std::pin::pin;

use futures_util::FutureExt as _;
use mcpo2_artifact::blob::{BlobErrorKind, Keep, Limits};
use proptest::{collection::vec, prelude::*};

use crate::support::{
    Fault, Faulty, TestClock, at_once, commit, content, counted, depot_over, kind, memory, run,
    small_chunks, stored, tenant,
};

#[test]
fn full_medium_is_told_and_leaves_the_books_right() {
    run(async {
        let clock = TestClock::default();
        let store = Faulty::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        store.plan([Fault::Before]);
        assert_eq!(kind(session.put(content(1, 10)).await), BlobErrorKind::Full);
        assert_eq!(acme.usage().await.unwrap().objects, 0);
        store.plan([Fault::After]);
        assert_eq!(kind(session.put(content(1, 10)).await), BlobErrorKind::Io);
        assert_eq!(stored(acme.usage().await.unwrap()), (1, 10));
        session.put(content(1, 10)).await.unwrap();
        for faults in [[Fault::Before, Fault::None], [Fault::None, Fault::After]] {
            store.plan(faults);
            session
                .commit("one", Keep::Pinned("test"))
                .await
                .unwrap_err();
        }
        session.commit("one", Keep::Pinned("test")).await.unwrap();
        drop(session);
        let usage = acme.usage().await.unwrap();
        assert_eq!(stored(usage), counted(&store.inner).await);
        assert_eq!(usage.logical_bytes, 10);
    });
}

#[test]
fn quota_that_only_seems_used_up_by_what_failed_is_not() {
    run(async {
        let clock = TestClock::default();
        let store = Faulty::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE.with_stored_bytes(1000), &clock);
        let acme = tenant(&depot, "acme");
        let session = acme.session().await.unwrap();
        store.plan([Fault::Before; 5]);
        for number in 0..5 {
            session.put(content(number, 900)).await.unwrap_err();
        }
        session.put(content(9, 900)).await.unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("MCPO2_CASES").map_or(40, |cases| cases.parse().unwrap())
    ))]

    /// Whatever fails, hangs and is dropped: what is counted is what is there, and what was committed
    /// can be read.
    #[test]
    fn books_are_right_after_any_faults(
        steps in vec((0..4_u8, 0..4_u64, vec(fault(), 0..30)), 1..40),
        limit in prop_oneof![Just(u64::MAX), 300_000..1_200_000_u64],
        in_chunks in any::<bool>(),
    ) {
        run(async {
            let clock = TestClock::default();
            let store = Faulty::new(memory(&clock));
            let mut depot = depot_over(store.clone(), Limits::NONE.with_stored_bytes(limit), &clock);
            if in_chunks {
                depot = depot.with_chunks(small_chunks());
            }
            let acme = tenant(&depot, "acme");
            let mut committed = std::collections::BTreeMap::new();
            for (step, number, faults) in steps {
                store.plan(faults);
                let label = number.to_string();
                let (small, large) = (content(number, 100), content(number % 2, 300_000));
                match step {
                    0 | 1 => {
                        let done = until_it_hangs(async {
                            let session = acme.session().await?;
                            let digests = [session.put(small).await?, session.put(large).await?];
                            session.commit(&label, Keep::Pinned("test")).await?;
                            Ok(digests)
                        });
                        if let Some(digests) = done {
                            committed.insert(label, digests);
                        }
                    }
                    2 => {
                        committed.remove(&label);
                        until_it_hangs(acme.forget(&label));
                    }
                    _ => {
                        until_it_hangs(depot.sweep(&at_once()));
                    }
                }
                store.plan([]);
                let usage = acme.usage().await.unwrap();
                assert_eq!(stored(usage), counted(&store.inner).await);
                let again = tenant(&depot_over(store.clone(), Limits::NONE, &clock), "acme");
                assert_eq!(again.usage().await.unwrap(), usage);
                for digest in committed.values().flatten() {
                    acme.read(digest, 0..u64::MAX).await.unwrap();
                }
            }
        });
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::Before),
        1 => Just(Fault::After),
        1 => Just(Fault::Hang),
        1 => Just(Fault::HangAfter),
    ]
}

/// What came of it; none where it failed, or hung and was dropped.
fn until_it_hangs<T>(
    work: impl Future<Output = Result<T, mcpo2_artifact::blob::BlobError>>,
) -> Option<T> {
    // Everything else is ready at once.
    pin!(work).now_or_never()?.ok()
}

#[test]
fn store_that_works_again_is_used_again() {
    run(async {
        let clock = TestClock::default();
        let store = Faulty::new(memory(&clock));
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        commit(&acme, "one", &[content(1, 10)]).await;
        acme.unpin("one", "test").await.unwrap();
        store.plan([Fault::Before]);
        assert_eq!(kind(depot.sweep(&at_once()).await), BlobErrorKind::Full);
        assert_eq!(depot.sweep(&at_once()).await.unwrap().roots_deleted, 1);
        assert_eq!(acme.usage().await.unwrap().objects, 0);
    });
}
