//! U12: a module at several addresses, some of which are no good.

use futures_util::future::join_all;
use mcpo2_server::Mode;
use mcpo2_testkit::{
    chaos::Chaos,
    raw::{RawUpstream, vendor::Era},
};

use crate::{
    bench::{call, limited},
    support::{Gateway, client, soon, vendor},
};

/// Waits until nothing of what went through is open any more, also as the gateway sees it.
async fn cut_off(chaos: &Chaos, gateway: &Gateway) {
    chaos.reset();
    soon(
        "the end of connections",
        chaos.wait_for(|seen| seen.open == 0),
    )
    .await;
    second_tries(gateway).await;
}

async fn second_tries(gateway: &Gateway) -> usize {
    let metrics = client::bare(gateway.address, "").method(http::Method::GET);
    let metrics = metrics.path("/metrics").answer().await;
    let name = r#"mcpo2_upstream_second_tries_total{module="module"} "#;
    let mut lines = metrics.text().lines();
    let count = lines.find_map(|line| line.strip_prefix(name));
    count.unwrap().parse().unwrap()
}

#[tokio::test]
async fn u12_with_one_replica_down_and_one_that_flaps_calls_go_to_the_third_without_a_storm() {
    const ROUNDS: usize = 100;
    const AT_ONCE: usize = 10;
    let start = || async {
        let upstream = vendor(Era::Modern).await;
        let chaos = Chaos::before(upstream.address()).await.unwrap();
        (upstream, chaos)
    };
    let [good, down, flapping] = [start().await, start().await, start().await];
    let yaml = limited(&good.1.url(), "").replace(
        "http: { ",
        &format!(
            r#"http: {{ replicas: ["{}", "{}"], "#,
            down.1.url(),
            flapping.1.url()
        ),
    );
    let gateway = Gateway::start(&yaml, Mode::Observed).await;
    down.1.close_door().await;
    let (mut right, mut is_up) = (0, true);
    for round in 0..ROUNDS {
        if round % 5 == 4 {
            match is_up {
                true => flapping.1.close_door().await,
                false => flapping.1.open_door().await,
            }
            is_up = !is_up;
            cut_off(&flapping.1, &gateway).await;
        }
        let crowd = (0..AT_ONCE).map(|_| call(gateway.address, "vendor_call").answer());
        let answers = join_all(crowd).await;
        right += answers
            .iter()
            .filter(|answer| answer.code().is_none())
            .count();
    }
    let asked = ROUNDS * AT_ONCE;
    assert!(right * 100 >= asked * 99, "{right} of {asked}");
    // Each call is tried twice at most, so these are the attempts beyond the calls.
    let again = second_tries(&gateway).await;
    assert!(again > 0 && again * 5 <= asked, "{again} more for {asked}");
    let [good, down, flapping] = [&good.0, &down.0, &flapping.0].map(calls);
    assert_eq!(down, 0);
    assert!(flapping > 0 && good > flapping, "{good}, {flapping}");
    // Nothing that was taken was sent again.
    assert_eq!(good + flapping, right);
}

#[tokio::test]
async fn a_session_stays_at_the_replica_where_it_began() {
    let [one, two] = [vendor(Era::Legacy).await, vendor(Era::Legacy).await];
    let replicas = format!(r#"http: {{ replicas: ["{}"], "#, two.url());
    let yaml = limited(&one.url(), "").replace("http: { ", &replicas);
    let gateway = Gateway::start(&yaml, Mode::Observed).await;
    let mut began = [0, 0];
    while began.contains(&0) {
        let before = [&one, &two].map(calls);
        let session = client::begin(gateway.address, "{}").await;
        for id in 0..5 {
            let body = client::plain(&id.to_string(), "tools/call", r#""name":"vendor_call""#);
            let answer = client::in_session(gateway.address, &session, body).answer();
            assert_eq!(answer.await.code(), None);
        }
        let here = usize::from(calls(&two) > before[1]);
        let after = [&one, &two].map(calls);
        assert_eq!(after[here], before[here] + 5);
        assert_eq!(after[1 - here], before[1 - here]);
        began[here] += 1;
    }
}

fn calls(upstream: &RawUpstream) -> usize {
    upstream.log().of("tools/call").count()
}
