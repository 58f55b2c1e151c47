//! What each layer adds to a call, in time and allocations: `cargo bench -p mcpo2-load --bench stack`.
//!
//! The layers stand over a leaf that answers at once, in the setting that `mcpo2-load bench` has. Each
//! row is the stack from that layer down. It prints, and judges nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that fails should say so"
)]

mod parts;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use mcpo2_audit::AuditLayer;
use mcpo2_classify::ClassifyLayer;
use mcpo2_core::{Call, Decision, Duty, Error, Obligations, Permitted, Reply, Routed};
use mcpo2_policy::PolicyLayer;
use mcpo2_preamble::PreambleLayer;
use mcpo2_route::{CatalogLayer, RouteLayer};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt as _,
    util::{BoxCloneSyncService, MapErrLayer},
};

use self::parts::Parts;

const ROUNDS: u32 = 40;
const CALLS: u32 = 2_000;

/// What one call took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    time: Duration,
    allocations: u64,
    bytes: u64,
}

fn main() {
    // `cargo bench` says `--bench`; `cargo test` runs this too, and then once is enough.
    let rounds = match std::env::args().any(|argument| argument == "--bench") {
        true => ROUNDS,
        false => 1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(rounds));
}

async fn run(rounds: u32) {
    let parts = Parts::new();
    let (permit, route) = (permitted, |call| routed(&parts, call));
    let mut table = Table::new(rounds);

    table.row("parse and make the call", &parts, |call| async {
        black_box(call);
    });
    let leaf = parts.leaf();
    table.service("a leaf that answers at once", &parts, &leaf, route);
    let artifact = mcpo2_artifact::ArtifactLayer::new(parts.artifacts.clone()).layer(leaf.clone());
    table.service("+ artifact", &parts, &artifact, route);
    let preamble = PreambleLayer::new(parts.profiles.clone()).layer(artifact);
    table.service("+ preamble", &parts, &preamble, route);
    let router = RouteLayer::new(parts.router.clone()).layer(preamble);
    table.service("+ route", &parts, &router, permit);
    let directory = parts.router.clone();
    let policy = PolicyLayer::new(parts.policy.clone())
        .with_directory(directory.clone())
        .discharging([Duty::Preamble, Duty::MaxResultBytes]);
    let policy = policy.layer(router);
    table.service("+ policy", &parts, &policy, |call| call);
    let classify = ClassifyLayer::new(parts.rules.clone()).with_directory(directory);
    let classify = classify.layer(policy);
    table.service("+ classify", &parts, &classify, |call| call);
    let catalog = CatalogLayer::new(parts.catalog.clone()).layer(classify);
    // The first call reads what the module has.
    catalog.clone().oneshot(parts.call()).await.unwrap();
    table.service("+ catalog", &parts, &catalog, |call| call);
    let timed = ServiceBuilder::new()
        .layer(MapErrLayer::new(Error::from))
        .timeout(Duration::from_secs(60))
        .service(catalog);
    table.service("+ timeout", &parts, &timed, |call| call);
    let audited = AuditLayer::new(parts.ledger.clone()).layer(timed);
    table.service("+ audit", &parts, &audited, |call| call);
    let boxed: BoxCloneSyncService<Call, Reply, Error> = BoxCloneSyncService::new(audited);
    table.service("+ a box, cloned for each call", &parts, &boxed, |call| call);
    table.together("all layers together", "a leaf that answers at once");
    table.row("the clone of the whole alone", &parts, |_| async {
        black_box(boxed.clone());
    });

    let dispatch = parts.dispatch();
    table.service("the leaf that ships, no network", &parts, &dispatch, route);
    parts.ledger.close().unwrap();
}

fn permitted(call: Call) -> Permitted {
    call.decide(Decision::Allow(Obligations::default()))
        .unwrap()
}

fn routed(parts: &Parts, call: Call) -> Routed {
    permitted(call).route(parts.target())
}

struct Table {
    rounds: u32,
    rows: Vec<(&'static str, Cost)>,
}

impl Table {
    fn new(rounds: u32) -> Self {
        println!("{:34} {:>9} {:>7} {:>9}", "", "ns", "allocs", "bytes");
        Self {
            rounds,
            rows: Vec::new(),
        }
    }

    /// Measures calls of a clone of this service, from where `enter` brings them in.
    fn service<S, R>(
        &mut self,
        name: &'static str,
        parts: &Parts,
        service: &S,
        enter: impl Fn(Call) -> R,
    ) where
        S: Service<R, Response = Reply, Error = Error> + Clone,
    {
        self.row(name, parts, |call| {
            let service = service.clone();
            let request = enter(call);
            async move {
                let reply = service.oneshot(request).await.unwrap();
                black_box(reply);
            }
        });
    }

    fn row<F: Future<Output = ()>>(
        &mut self,
        name: &'static str,
        parts: &Parts,
        work: impl Fn(Call) -> F,
    ) {
        let cost = cost(self.rounds, || drive(work(parts.call())));
        println!("{name:34} {cost}");
        self.rows.push((name, cost));
    }

    /// What the last row takes more than another.
    fn together(&self, name: &str, than: &str) {
        let base = self.rows.iter().find(|(row, _)| *row == than);
        let ((_, base), (_, all)) = (base.unwrap(), self.rows.last().unwrap());
        let more = Cost {
            time: all.time.saturating_sub(base.time),
            allocations: all.allocations.saturating_sub(base.allocations),
            bytes: all.bytes.saturating_sub(base.bytes),
        };
        println!("{name:34} {more}");
    }
}

/// The least of many rounds, since what disturbs a round only makes it longer.
fn cost(rounds: u32, mut work: impl FnMut()) -> Cost {
    let times = (0..rounds).map(|_| {
        let before = Instant::now();
        (0..CALLS).for_each(|_| work());
        before.elapsed() / CALLS
    });
    let time = times.min().unwrap_or_default();
    let counted = allocation_counter::measure(|| (0..CALLS).for_each(|_| work()));
    let each = |all: u64| all / u64::from(CALLS);
    Cost {
        time,
        allocations: each(counted.count_total),
        bytes: each(counted.bytes_total),
    }
}

/// Runs what never has to wait.
fn drive(future: impl Future<Output = ()>) {
    // The runtime would make it wait after so many, to be fair to others.
    let mut future = std::pin::pin!(tokio::task::unconstrained(future));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_ready(), "it waits");
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanoseconds = self.time.as_nanos();
        write!(
            f,
            "{nanoseconds:>9} {:>7} {:>9}",
            self.allocations, self.bytes
        )
    }
}
