use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::StreamExt as _;
use mcpo2_core::{AuthMethod, Body, Call, Error, ErrorKind, Frame, Message, Principal, Reply};
use tokio::{sync::Semaphore, task::JoinHandle};
use tower::{Layer as _, Service, ServiceExt as _, util::BoxCloneSyncService};

use super::{AdmissionLayer, Gate, memory::Stage, place::Streams};
use crate::{config, telemetry::Metrics};

type Stack = BoxCloneSyncService<Call, Reply, Error>;

/// A gate before a module that answers as often as it is told to.
struct Bench {
    gate: Gate,
    answers: Arc<Semaphore>,
    stack: Stack,
}

impl Bench {
    fn new(change: impl FnOnce(&mut config::Admission)) -> Self {
        let mut admission = config::Admission {
            calls: 16,
            waiting: 4,
            ..Default::default()
        };
        change(&mut admission);
        let gate = Gate::new(&admission, Arc::new(Metrics::new()));
        let answers = Arc::new(Semaphore::new(0));
        let told = Arc::clone(&answers);
        let module = tower::service_fn(move |_: Call| {
            let told = Arc::clone(&told);
            async move {
                told.acquire().await.unwrap().forget();
                Ok(Reply::accepted())
            }
        });
        let stack = AdmissionLayer::new(gate.clone()).layer(module);
        Self {
            gate,
            answers,
            stack: Stack::new(stack),
        }
    }

    async fn ask(&self, tenant: &str, method: &str) -> JoinHandle<Result<Reply, Error>> {
        let (stack, call) = (self.stack.clone(), call(tenant, method));
        let asked = tokio::spawn(stack.oneshot(call));
        settle().await;
        asked
    }

    async fn fill(&self, tenant: &str) -> Vec<JoinHandle<Result<Reply, Error>>> {
        let mut held = Vec::new();
        for _ in 0..16 - 16 / 8 {
            held.push(self.ask(tenant, "tools/call").await);
        }
        assert_eq!(self.gate.counts(), (14, 0));
        held
    }
}

/// Lets all tasks come as far as they come. Time stands still.
async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

fn call(tenant: &str, method: &str) -> Call {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
    let Ok(Message::Request(request)) = Message::parse(text) else {
        panic!("no request");
    };
    let principal = principal(tenant, "ada");
    Call::new(request, Arc::new(principal))
}

fn principal(tenant: &str, id: &str) -> Principal {
    Principal::new(
        tenant.parse().unwrap(),
        id.parse().unwrap(),
        AuthMethod::Host,
    )
}

async fn refused(asked: JoinHandle<Result<Reply, Error>>) -> String {
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    error.chain().to_string()
}

#[tokio::test(start_paused = true)]
async fn o02_a_tenant_that_takes_all_it_can_leaves_the_others_their_places() {
    let bench = Bench::new(|_| {});
    let flood = bench.fill("flood").await;
    for _ in 0..100 {
        drop(bench.ask("flood", "tools/call").await);
    }
    bench.answers.add_permits(14);
    for held in flood {
        held.await.unwrap().unwrap();
    }
    settle().await;
    // What waited goes on, and is all that there is of the flood.
    assert_eq!(bench.gate.counts(), (4, 0));
    let quiet = [
        bench.ask("quiet", "tools/call").await,
        bench.ask("quiet", "ping").await,
    ];
    assert_eq!(bench.gate.counts(), (6, 0));
    bench.answers.add_permits(6);
    for asked in quiet {
        asked.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_flood_holds_its_places_a_newcomer_waits_for_nobody() {
    let bench = Bench::new(|_| {});
    let _flood = bench.fill("flood").await;
    let _one = bench.ask("quiet", "tools/call").await;
    let _two = bench.ask("quiet", "tools/call").await;
    assert_eq!(bench.gate.counts(), (16, 0));
    // Now it is full for everybody, and they wait.
    let _three = bench.ask("quiet", "tools/call").await;
    assert_eq!(bench.gate.counts(), (16, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_next_place_and_not_for_longer_than_it_may() {
    let bench = Bench::new(|_| {});
    let held = bench.fill("a").await;
    let waits = bench.ask("a", "tools/call").await;
    assert_eq!(bench.gate.counts(), (14, 1));
    bench.answers.add_permits(1);
    settle().await;
    assert_eq!(bench.gate.counts(), (14, 0));
    let late = bench.ask("a", "tools/call").await;
    tokio::time::advance(Duration::from_millis(99)).await;
    assert!(!late.is_finished());
    tokio::time::advance(Duration::from_millis(2)).await;
    assert_eq!(refused(late).await, "too many calls at once: waited");
    bench.answers.add_permits(14);
    waits.await.unwrap().unwrap();
    drop(held);
    settle().await;
    assert_eq!(bench.gate.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_who_has_less_of_it_gets_in() {
    let bench = Bench::new(|_| {});
    let _held = bench.fill("a").await;
    let _b = [bench.ask("b", "ping").await, bench.ask("b", "ping").await];
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(bench.ask("a", "tools/call").await);
    }
    assert_eq!(
        refused(bench.ask("a", "ping").await).await,
        "too many calls at once: capacity"
    );
    let b = bench.ask("b", "tools/call").await;
    assert_eq!(
        refused(waiting.pop().unwrap()).await,
        "too many calls at once: capacity"
    );
    assert!(!b.is_finished());
    assert_eq!(bench.gate.counts(), (16, 4));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_gives_the_place_back_running_or_waiting() {
    let bench = Bench::new(|_| {});
    let held = bench.fill("a").await;
    let waits = bench.ask("a", "tools/call").await;
    waits.abort();
    settle().await;
    assert_eq!(bench.gate.counts(), (14, 0));
    held.iter().for_each(JoinHandle::abort);
    settle().await;
    assert_eq!(bench.gate.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_nobody_waits() {
    for change in [
        (|admission| admission.wait = Duration::ZERO) as fn(&mut config::Admission),
        |admission| admission.waiting = 0,
    ] {
        let bench = Bench::new(change);
        let _held = bench.fill("a").await;
        assert_eq!(
            refused(bench.ask("a", "ping").await).await,
            "too many calls at once: capacity"
        );
        assert_eq!(bench.gate.counts(), (14, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_gets_through_where_nothing_else_does() {
    let bench = Bench::new(|admission| admission.wait = Duration::ZERO);
    let _held = bench.fill("a").await;
    bench.gate.set_stage(Stage::Critical);
    let cancelled = bench.ask("a", "notifications/cancelled").await;
    assert!(!cancelled.is_finished());
    bench.answers.add_permits(15);
    cancelled.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_the_place_of_its_call_to_its_end() {
    let gate = Gate::new(&config::Admission::default(), Arc::new(Metrics::new()));
    let streaming = tower::service_fn(async |_: Call| {
        Ok(Reply::stream(futures_util::stream::iter([
            Ok(Frame::new("1")),
            Ok(Frame::new("2")),
        ])))
    });
    let mut stack = AdmissionLayer::new(gate.clone()).layer(streaming);
    let reply = stack
        .ready()
        .await
        .unwrap()
        .call(call("a", "tools/call"))
        .await
        .unwrap();
    let Body::Stream(mut frames) = reply.into_body() else {
        panic!("no stream");
    };
    frames.next().await.unwrap().unwrap();
    assert_eq!(gate.counts(), (1, 0));
    frames.next().await.unwrap().unwrap();
    assert!(frames.next().await.is_none());
    assert_eq!(gate.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn p09_where_memory_is_short_less_and_less_begins() {
    let bench = Bench::new(|_| {});
    bench.gate.set_stage(Stage::Tight);
    for method in ["initialize", "subscriptions/listen"] {
        assert_eq!(
            refused(bench.ask("a", method).await).await,
            "too many calls at once: memory"
        );
    }
    assert!(bench.gate.stream(&principal("a", "ada")).is_err());
    let one = bench.ask("a", "tools/call").await;
    assert_eq!(bench.gate.counts(), (1, 0));
    bench.gate.set_stage(Stage::Critical);
    assert_eq!(
        refused(bench.ask("a", "ping").await).await,
        "too many calls at once: memory"
    );
    assert!(bench.gate.admits_body().is_err());
    bench.answers.add_permits(1);
    one.await.unwrap().unwrap();
    // One at a time goes on, whatever the memory says.
    let reading = bench.gate.admits_body().unwrap();
    assert!(bench.gate.admits_body().is_err());
    drop(reading);
    let _one = bench.ask("a", "ping").await;
    assert_eq!(bench.gate.counts(), (1, 0));
    bench.gate.set_stage(Stage::Normal);
    let _another = bench.ask("a", "initialize").await;
    assert_eq!(bench.gate.counts(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn one_caller_has_so_many_streams_and_no_more() {
    let bench = Bench::new(|admission| admission.streams_per_principal = 2);
    let first = bench.ask("a", "subscriptions/listen").await;
    let _second = bench.gate.stream(&principal("a", "ada")).unwrap();
    let third = bench.ask("a", "subscriptions/listen").await;
    assert_eq!(refused(third).await, "too many streams at once: streams");
    assert!(bench.gate.stream(&principal("a", "ben")).is_ok());
    assert_eq!(bench.gate.counts(), (0, 0));
    first.abort();
    settle().await;
    assert!(bench.gate.stream(&principal("a", "ada")).is_ok());
}

#[test]
fn of_callers_without_streams_nothing_is_kept() {
    let streams = Streams::default();
    let places: Vec<_> = (0..10)
        .filter_map(|n| streams.enter(&principal("a", &format!("p{n}")), 1))
        .collect();
    assert_eq!(streams.callers(), 10);
    drop(places);
    assert_eq!(streams.callers(), 0);
}

#[tokio::test(start_paused = true)]
async fn bounds_change_without_anybody_losing_a_place() {
    let bench = Bench::new(|_| {});
    let held = bench.fill("a").await;
    let smaller = config::Admission {
        calls: 2,
        wait: Duration::ZERO,
        ..Default::default()
    };
    bench.gate.configure(&smaller);
    assert_eq!(
        refused(bench.ask("b", "ping").await).await,
        "too many calls at once: capacity"
    );
    bench.answers.add_permits(14);
    for held in held {
        held.await.unwrap().unwrap();
    }
    let _one = bench.ask("b", "ping").await;
    assert_eq!(bench.gate.counts(), (1, 0));
}

/// Ready once the switch is on.
#[derive(Clone)]
struct Switched(bool);

impl Service<Call> for Switched {
    type Response = Reply;
    type Error = Error;
    type Future = std::future::Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, _: Call) -> Self::Future {
        std::future::ready(Ok(Reply::accepted()))
    }
}

#[test]
fn it_is_ready_when_what_is_below_is() {
    let gate = Gate::new(&config::Admission::default(), Arc::new(Metrics::new()));
    for ready in [false, true] {
        let mut service = AdmissionLayer::new(gate.clone()).layer(Switched(ready));
        let polled = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled.is_ready(), ready);
    }
}
