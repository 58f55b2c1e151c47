//! U01, U02 and U12: modules that do not answer, answer a byte at a time, or come and go.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mcpo2_testkit::{
    chaos::{Act, Script},
    raw::{Canned, vendor::Era},
};

use crate::{
    bench::{Bench, TIMED_OUT, UNAVAILABLE, UPSTREAM, failed},
    support::soon,
};

#[tokio::test]
async fn u01_a_module_that_never_answers_times_out_and_its_place_is_free_again() {
    let limits = "concurrency: 1, timeout: 1s";
    let bench = Bench::new(Canned::vendor(Era::Modern), limits).await;
    assert_eq!(bench.call("vendor_call").answer().await.status, 200);
    bench.disconnect().await;
    bench.chaos.all(Script::silent());
    // With room for one, the second finds it only if the first left.
    for _ in 0..3 {
        let answer = bench.call("vendor_call").answer().await;
        assert_eq!(answer.code(), TIMED_OUT, "{}", answer.text());
        assert_eq!(answer.json()["id"], 1);
    }
    bench.chaos.all(Script::default());
    // Nobody keeps a connection on which nothing comes.
    soon(
        "the end of connections",
        bench.chaos.wait_for(|seen| seen.left == 3),
    )
    .await;
    let answer = bench.call("vendor_call").answer().await;
    assert_eq!((answer.status.as_u16(), answer.code()), (200, None));
    let ended = bench.ended(5).await;
    let kinds: Vec<_> = ended[1..4].iter().map(failed).collect();
    assert_eq!(kinds, ["timed_out"; 3]);
    // None of them was sent a second time.
    assert_eq!(bench.reached(), 5);
    assert_eq!(bench.chaos.seen().accepted, 5);
}

#[tokio::test]
async fn u01_a_module_that_never_answers_again_and_again_is_asked_no_more() {
    let bench = Bench::new(Canned::vendor(Era::Modern), "timeout: 1s").await;
    assert_eq!(bench.call("vendor_call").answer().await.status, 200);
    bench.disconnect().await;
    bench.chaos.all(Script::silent());
    // The one after five is refused before it goes anywhere.
    soon("the refusal", async {
        while bench.call("vendor_call").answer().await.code() != UNAVAILABLE {}
    })
    .await;
    let ended = bench.ended(7).await;
    let kinds: Vec<_> = ended[1..7].iter().map(failed).collect();
    assert_eq!(kinds[..5], ["timed_out"; 5]);
    assert_eq!((kinds[5], bench.reached()), ("unavailable", 6));
    bench.chaos.all(Script::default());
    soon("an answer", async {
        while bench.call("vendor_call").answer().await.code().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn u01_a_module_that_never_shakes_hands_is_not_available() {
    let bench = Bench::new(Canned::vendor(Era::Modern), "connect_timeout: 200ms").await;
    bench.chaos.all(Script::silent());
    let answer = bench.call("vendor_call").answer().await;
    assert_eq!(answer.code(), UNAVAILABLE, "{}", answer.text());
    assert_eq!(bench.reached(), 0);
    assert_eq!(failed(&bench.ended(1).await[0]), "unavailable");
}

#[tokio::test]
async fn u02_an_answer_that_comes_byte_by_byte_has_a_time_for_all_of_it() {
    // No pause is too long, and the whole would take much longer.
    let limits = "timeout: 1s, max_timeout: 1s";
    let drip = Act::Trickle(usize::MAX, Duration::from_millis(20));
    for tool in ["vendor_call", "vendor_stream"] {
        for before in [None, Some("\r\n\r\n")] {
            let bench = Bench::new(Canned::vendor(Era::Modern), limits).await;
            assert_eq!(bench.call("vendor_call").answer().await.status, 200);
            bench.disconnect().await;
            let mut script = Script::default();
            if let Some(text) = before {
                script = script.down(Act::PassUntil(text.into()));
            }
            bench.chaos.all(script.down(drip.clone()));
            let answer = bench.call(tool).answer().await;
            assert_eq!(answer.code(), TIMED_OUT, "{}", answer.text());
            assert_eq!(failed(&bench.ended(2).await[1]), "timed_out");
            assert_eq!(bench.reached(), 2);
        }
    }
}

#[tokio::test]
async fn u02_an_answer_that_stops_half_way_has_a_time_for_its_next_byte() {
    for (tool, until) in [("vendor_call", "structured"), ("vendor_stream", "data: ")] {
        let bench = Bench::new(Canned::vendor(Era::Modern), "timeout: 1s").await;
        assert_eq!(bench.call("vendor_call").answer().await.status, 200);
        bench.disconnect().await;
        let half = Script::default().down(Act::PassUntil(until.into()));
        bench.chaos.all(half.down(Act::Hold));
        let answer = bench.call(tool).answer().await;
        assert_eq!(answer.code(), TIMED_OUT, "{}", answer.text());
        assert_eq!(failed(&bench.ended(2).await[1]), "timed_out");
    }
}

/// One attempt for each call, and no more; and where there is no link yet, one for all that come
/// within a second.
#[tokio::test]
async fn u12_a_module_that_flaps_is_not_stormed() {
    let bench = Bench::new(Canned::vendor(Era::Modern), "concurrency: 64").await;
    bench.chaos.all(Script::reset());
    let began = Instant::now();
    let crowd = join_all((0..50).map(|_| bench.call("vendor_call").answer())).await;
    for answer in &crowd {
        assert!(
            [UNAVAILABLE, UPSTREAM].contains(&answer.code()),
            "{}",
            answer.text()
        );
    }
    // The probe, and the handshake of the other era.
    let windows = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let attempts = bench.chaos.seen().accepted;
    assert!(attempts <= 2 * windows, "{attempts} in {windows}");

    bench.chaos.all(Script::default());
    soon("the link", async {
        while bench.call("vendor_call").answer().await.code().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    for round in 0..3 {
        bench.disconnect().await;
        bench.chaos.all(Script::reset());
        let before = bench.chaos.seen().accepted;
        let crowd = join_all((0..20).map(|_| bench.call("vendor_call").answer())).await;
        for answer in &crowd {
            assert!(
                [UNAVAILABLE, UPSTREAM].contains(&answer.code()),
                "{}",
                answer.text()
            );
        }
        let attempts = bench.chaos.seen().accepted - before;
        assert!(attempts <= 20, "{attempts} connections for 20 calls");
        bench.chaos.close_door().await;
        let answer = bench.call("vendor_call").answer().await;
        assert_eq!(answer.code(), UNAVAILABLE, "{round}: {}", answer.text());
        bench.chaos.open_door().await;
        bench.chaos.all(Script::default());
        // What is there again is used again, at once.
        let answer = bench.call("vendor_call").answer().await;
        assert_eq!(answer.code(), None, "{round}: {}", answer.text());
    }
    // Only what succeeded ever reached it. Outcomes are on the record a little later.
    let reached = bench.reached();
    soon("the outcomes", async {
        loop {
            let ended = bench.ended(50).await;
            let succeeded = ended
                .iter()
                .filter(|call| call.end.outcome == mcpo2_audit::Outcome::Ok)
                .count();
            assert!(succeeded <= reached);
            if succeeded == reached {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
