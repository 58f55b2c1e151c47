//! What records cost: `cargo bench -p mcpo2-audit --bench append`. Prints; judges nothing.
//!
//! `-- cpu`, `-- waited` or `-- groups` runs one part alone; `MCPO2_CALLS` says of how many calls
//! the first two are, which a profiler that is slow wants few of; with `MCPO2_PROFILED` nothing is
//! timed, as rustix cannot find the clock under valgrind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails should say so"
)]

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mcpo2_audit::{AuditLayer, Durability, Event, IntentLayer, Ledger, Note, Options, verify};
use mcpo2_core::{
    ApprovalState, AuthMethod, Basis, Call, Classified, Decided, Decision, Digest, Effect,
    Endpoint, Error, Fact, Message, Module, Obligations, Principal, Reply, Routed, Target,
};
use rustix::time::{ClockId, clock_gettime};
use tower::{Layer, Service, service_fn};

const CALLS: u32 = 20_000;
const IN_FLIGHT: u32 = 64;
const REQUEST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call",
    "params":{"name":"github__get_issue","arguments":{"owner":"acme","repo":"app","issue":12}}}"#;
const RESULT: &str =
    r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"ok"}]}}"#;

fn main() {
    // The disk of the target directory: a temporary one may be in memory.
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| !it.starts_with('-'))
        .collect();
    let is_asked = |name: &str| only.is_empty() || only.iter().any(|it| it == name);
    let calls = std::env::var("MCPO2_CALLS").map_or(CALLS, |calls| calls.parse().unwrap());
    if is_asked("cpu") {
        cpu(root, calls);
    }
    if is_asked("waited") {
        waited(root, calls);
    }
    if is_asked("groups") {
        (0..3).for_each(|_| groups(root));
    }
}

/// The CPU time of the whole process for one record of each kind, and how fast it is verified.
fn cpu(root: &Path, calls: u32) {
    let dir = tempfile::tempdir_in(root).unwrap();
    let ledger = Ledger::open(dir.path(), Options::default().with_queue(1 << 20)).unwrap();
    let mut bare = governed(leaf());
    let intents = IntentLayer::new(ledger.clone()).with_durability(Durability::Async);
    let audited = governed(intents.layer(leaf()));
    let mut audited = AuditLayer::new(ledger.clone()).layer(audited);
    let bare = spent(|| (0..calls).for_each(|_| drop(now(bare.call(call())))));
    let audited = spent(|| {
        (0..calls).for_each(|_| drop(now(audited.call(call()))));
        ledger.flush().unwrap();
    });
    let records = calls * 2;
    println!(
        "CPU: {:?} a record (two for a call, the writer's and the signatures included)",
        audited.saturating_sub(bare) / records
    );
    ledger.close().unwrap();
    let before = Instant::now();
    let report = verify(dir.path()).unwrap();
    println!(
        "verified: {:.0} records/s",
        f64::from(records) / before.elapsed().as_secs_f64()
    );
    assert_eq!(report.extent.size, u64::from(records));
}

/// The same where each of 64 calls at a time waits until its intent is safe, all driven by one
/// thread.
fn waited(root: &Path, calls: u32) {
    let dir = tempfile::tempdir_in(root).unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let mut bare = governed(leaf());
    let audited = governed(IntentLayer::new(ledger.clone()).layer(leaf()));
    let mut audited = AuditLayer::new(ledger.clone()).layer(audited);
    let bare = spent(|| drive(calls, || bare.call(call())));
    let before = ledger.stats().groups;
    let audited = spent(|| {
        drive(calls, || audited.call(call()));
        ledger.flush().unwrap();
    });
    let groups = ledger.stats().groups - before;
    println!(
        "CPU, {IN_FLIGHT} waiting: {:?} a record ({:.0} records a group)",
        audited.saturating_sub(bare) / (calls * 2),
        f64::from(calls * 2) / f64::from(u32::try_from(groups).unwrap()),
    );
}

/// Lets so many calls end, 64 of them at a time.
fn drive<F: Future>(calls: u32, mut call: impl FnMut() -> F) {
    block_on(async {
        let mut under_way: FuturesUnordered<F> = (0..IN_FLIGHT).map(|_| call()).collect();
        for _ in IN_FLIGHT..calls {
            drop(under_way.next().await);
            under_way.push(call());
        }
        while under_way.next().await.is_some() {}
    });
}

/// 64 callers that each wait for their record, beside as many bytes written and synced alone.
fn groups(root: &Path) {
    let dir = tempfile::tempdir_in(root).unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let count = AtomicU64::new(0);
    let time = Duration::from_secs(3);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            scope.spawn(|| {
                while begun.elapsed() < time {
                    let place = ledger.reserve().unwrap();
                    let note = Note::new("reload").with("text", "x".repeat(500));
                    block_on(place.fill_durably(Event::Admin(note))).unwrap();
                    count.fetch_add(1, Relaxed);
                }
            });
        }
    });
    let (records, groups) = (count.load(Relaxed), ledger.stats().groups);
    let seconds = begun.elapsed().as_secs_f64();
    ledger.close().unwrap();
    let size = std::fs::metadata(dir.path().join("seg/00000000000000000000.seg")).unwrap();
    let group = usize::try_from(size.len() / groups.max(1)).unwrap();
    let raw = raw(dir.path(), group, time);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (records, groups) = (records as f64, groups as f64);
    println!(
        "64 in flight: {:.0} records/s, {:.3} syncs a record; {:.0} groups/s beside {raw:.0} raw \
         writes and syncs of as many bytes ({group})",
        records / seconds,
        groups / records,
        groups / seconds,
    );
}

/// How often so many bytes are written and synced a second by nothing else.
fn raw(dir: &Path, bytes: usize, time: Duration) -> f64 {
    let file = File::create(dir.join("raw")).unwrap();
    let block = vec![7; bytes];
    let (begun, mut count, mut at) = (Instant::now(), 0.0, 0);
    while begun.elapsed() < time {
        file.write_all_at(&block, at).unwrap();
        file.sync_data().unwrap();
        at += u64::try_from(bytes).unwrap();
        count += 1.0;
    }
    count / begun.elapsed().as_secs_f64()
}

fn spent(work: impl FnOnce()) -> Duration {
    if std::env::var_os("MCPO2_PROFILED").is_some() {
        work();
        return Duration::ZERO;
    }
    let now = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(
            now.tv_sec.try_into().unwrap(),
            now.tv_nsec.try_into().unwrap(),
        )
    };
    let before = now();
    work();
    now() - before
}

fn leaf() -> impl Service<Routed, Response = Reply, Error = Error, Future: Unpin> + Clone {
    service_fn(|_: Routed| std::future::ready(Ok::<_, Error>(Reply::complete(RESULT))))
}

/// Allows and routes every call, with the facts that layers find.
fn governed<S>(inner: S) -> impl Service<Call, Response = Reply, Error = Error> + Clone
where
    S: Service<Routed, Response = Reply, Error = Error> + Clone,
{
    let (id, family) = ("github".parse().unwrap(), "engineering".parse().unwrap());
    let module = Module::builder(id, family, Endpoint::new(()))
        .approval(ApprovalState::Approved)
        .build();
    let target = Target::module(&module).unwrap();
    service_fn(move |call: Call| {
        for fact in facts() {
            call.trail().record(fact);
        }
        let permitted = call.decide(Decision::Allow(Obligations::default()));
        let routed = permitted.map(|permitted| permitted.route(target.clone()));
        let mut inner = inner.clone();
        async move { inner.call(routed?).await }
    })
}

fn call() -> Call {
    thread_local! {
        static ADA: Arc<Principal> = Arc::new(Principal::new(
            "acme".parse().unwrap(),
            "ada".parse().unwrap(),
            AuthMethod::Host,
        ));
    }
    let Message::Request(request) = Message::parse(REQUEST).unwrap() else {
        panic!("no request")
    };
    Call::new(request, ADA.with(Arc::clone))
}

fn facts() -> [Fact; 2] {
    let digest = Digest::of(b"");
    [
        Fact::Classified(Classified {
            family: Some("engineering".parse().unwrap()),
            basis: Basis::Registry,
            conflict: None,
            evidence: vec![],
            ruleset: digest,
        }),
        Fact::Decided(Decided {
            effect: Effect::Allow,
            rules: vec!["engineers-read".parse().unwrap()],
            reason: "engineers may read".into(),
            bundle: digest,
            shadow: None,
        }),
    ]
}

/// The output of a future that is ready.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("not ready"),
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
