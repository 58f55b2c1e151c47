//! U03: connections to a module that break.

use mcpo2_audit::Outcome;
use mcpo2_testkit::{
    chaos::{Act, Script},
    raw::{Canned, Log, vendor::Era},
};

use crate::{
    bench::{Bench, UPSTREAM, failed},
    support::{
        client::{SseEvent, begin, in_session, plain},
        soon,
    },
};

fn breaking(at: &str, how: &Act) -> Script {
    Script::default()
        .down(Act::PassUntil(at.to_owned().into()))
        .down(how.clone())
}

/// The request went out whole, so nobody knows what became of it: it is never sent again.
async fn is_an_error_and_sent_once(bench: &Bench, tool: &str) {
    let before = bench.reached();
    let answer = bench.call(tool).answer().await;
    assert_eq!(
        (answer.code(), &answer.json()["id"]),
        (UPSTREAM, &1.into()),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    assert_eq!(bench.reached(), before + 1);
    let ended = bench.ended(before + 1).await;
    let last = ended.last().unwrap();
    assert_eq!(failed(last), "upstream");
    assert!(last.end.cause.is_some(), "{:?}", last.end);
}

#[tokio::test]
async fn u03_a_reset_in_mid_answer_is_a_clean_error_and_the_call_is_not_sent_again() {
    for how in [Act::Reset, Act::Cut] {
        for (tool, at) in [
            ("vendor_call", "HTTP/1.1 200"),
            ("vendor_call", "\r\n\r\n"),
            ("vendor_call", "structuredContent"),
            ("vendor_stream", "\r\n\r\n"),
            ("vendor_stream", "data: {"),
        ] {
            let bench = Bench::new(Canned::vendor(Era::Modern), "concurrency: 4").await;
            assert_eq!(bench.call("vendor_call").answer().await.status, 200);
            bench.disconnect().await;
            bench.chaos.all(breaking(at, &how));
            is_an_error_and_sent_once(&bench, tool).await;
            bench.chaos.all(Script::default());
            assert_eq!(
                bench.call(tool).answer().await.code(),
                None,
                "{tool} at {at}"
            );
        }
    }
}

#[tokio::test]
async fn u03_a_reset_before_the_answer_on_a_connection_in_use_is_not_hidden_by_a_second_try() {
    let bench = Bench::new(Canned::vendor(Era::Modern), "concurrency: 4").await;
    // The first answer passes, and the connection stays for the next call, which finds it broken
    // once it has been sent.
    let twice = Script::default()
        .up(Act::PassUntil("tools/call".into()))
        .up(Act::PassUntil("\"method\":\"tools/call\"".into()))
        .up(Act::PassUntil("\"method\":\"tools/call\"".into()))
        .up(Act::PassUntil("{}}}}".into()))
        .up(Act::Hold)
        .up(Act::Reset);
    bench.chaos.all(twice);
    assert_eq!(bench.call("vendor_call").answer().await.status, 200);
    assert_eq!(bench.chaos.seen().accepted, 1);
    let waiting = tokio::spawn(bench.call("vendor_hang").answer());
    let reached = |log: &Log| log.of("tools/call").count() == 2;
    soon("the second call", bench.upstream.wait_for(reached)).await;
    bench.chaos.release();
    let answer = waiting.await.unwrap();
    assert_eq!(answer.code(), UPSTREAM, "{}", answer.text());
    assert_eq!((bench.reached(), bench.chaos.seen().accepted), (2, 1));
}

#[tokio::test]
async fn u03_what_came_before_a_stream_broke_has_come_and_its_end_is_an_error_event() {
    let bench = Bench::new(Canned::vendor(Era::Modern), "concurrency: 4").await;
    assert_eq!(bench.call("vendor_call").answer().await.status, 200);
    bench.disconnect().await;
    // Two events go through whole before anything breaks; the first is progress that nobody wants.
    let script = Script::default()
        .down(Act::PassUntil("\n\n".into()))
        .down(Act::PassUntil("\n\n".into()));
    bench.chaos.all(script.down(Act::Hold).down(Act::Reset));
    let mut stream = bench.call("vendor_stream").open().await;
    let first = stream.event().await.unwrap();
    assert!(
        first.data.contains("notifications/vendor/note"),
        "{first:?}"
    );
    bench.chaos.release();
    let SseEvent { data, .. } = stream.event().await.unwrap();
    let last: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&last["id"], last["error"]["code"].as_i64()),
        (&1.into(), UPSTREAM)
    );
    assert_eq!(stream.event().await, None);
    let ended = bench.ended(2).await;
    assert_eq!(failed(&ended[1]), "upstream");
    assert_eq!((ended[1].end.messages, bench.reached()), (1, 2));
}

/// In a session a client may come back for the rest, so a stream that can be resumed just ends.
#[tokio::test]
async fn u03_a_session_outlives_a_connection_that_broke() {
    let bench = Bench::new(Canned::vendor(Era::Legacy), "concurrency: 4").await;
    let session = begin(bench.address(), "{}").await;
    let ask = |id: &str| {
        let body = plain(id, "tools/call", r#""name":"vendor_call""#);
        in_session(bench.address(), &session, body)
    };
    assert_eq!(ask("1").answer().await.code(), None);
    bench.disconnect().await;
    bench.chaos.all(breaking("structuredContent", &Act::Reset));
    let answer = ask("2").answer().await;
    assert_eq!(answer.code(), UPSTREAM, "{}", answer.text());
    bench.chaos.all(Script::default());
    assert_eq!(ask("3").answer().await.code(), None);
    assert_eq!(bench.reached(), 3);
    let outcomes = bench
        .ended(3)
        .await
        .into_iter()
        .map(|call| call.end.outcome);
    let ok: Vec<_> = outcomes.map(|outcome| outcome == Outcome::Ok).collect();
    assert_eq!(ok, [true, false, true]);
}
