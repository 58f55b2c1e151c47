//! A call is on the record before a module hears of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use futures_util::FutureExt as _;
use mcpo2_audit::{
    AuditLayer, Durability, Entry, Event, IntentLayer, KeySigner, Ledger, Options, Outcome,
    RECEIPT, Receipts, Signer, calls,
    conformance::{DiskFault, ModelDisk},
    read, verify,
};
use mcpo2_core::{
    ApprovalState, AuthMethod, BoxError, Call, Decision, Denial, Endpoint, Error, ErrorKind, Fact,
    Filtered, Message, Module, Obligations, Principal, Reply, Routed, Target,
};
use tower::{Layer, Service, ServiceExt, service_fn};

const RESULT: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#;

fn call() -> Call {
    let bytes = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}"#;
    let Message::Request(request) = Message::parse(bytes).unwrap() else {
        panic!("a response")
    };
    let ada = ("acme".parse().unwrap(), "ada".parse().unwrap());
    Call::new(request, Principal::new(ada.0, ada.1, AuthMethod::Host))
}

fn target() -> Target {
    let (id, family) = ("files".parse().unwrap(), "engineering".parse().unwrap());
    let module = Module::builder(id, family, Endpoint::new(()))
        .approval(ApprovalState::Approved)
        .build();
    Target::module(&module).unwrap()
}

/// Allows what owes this, and routes it.
fn governed<S>(
    inner: S,
    owed: Option<Durability>,
) -> impl Service<Call, Response = Reply, Error = Error> + Clone
where
    S: Service<Routed, Response = Reply, Error = Error> + Clone,
{
    service_fn(move |call: Call| {
        let inner = inner.clone();
        async move {
            call.trail().record(Fact::Filtered(Filtered {
                shown: 1,
                hidden: 0,
            }));
            let mut obligations = Obligations::default();
            obligations.durability = owed;
            let permitted = call.decide(Decision::Allow(obligations))?;
            inner.oneshot(permitted.route(target())).await
        }
    })
}

/// A module that counts what it hears of, and looks what is on the record by then.
fn module(
    heard: &Arc<AtomicUsize>,
    dir: &Path,
) -> impl Service<Routed, Response = Reply, Error = Error, Future: Send> + Clone {
    let (heard, dir) = (Arc::clone(heard), dir.to_owned());
    service_fn(move |call: Routed| {
        let intents = entries(&dir);
        let intents = intents
            .iter()
            .filter(|it| matches!(it.record.event, Event::Intent(_)));
        heard.store(intents.count(), SeqCst);
        call.call().trail().record(Fact::Filtered(Filtered {
            shown: 2,
            hidden: 0,
        }));
        async { Ok::<_, Error>(Reply::complete(RESULT)) }
    })
}

fn entries(dir: &Path) -> Vec<Entry> {
    read(dir).unwrap().map(Result::unwrap).collect()
}

/// A signer that waits while its gate is shut: nothing becomes safe until it is opened.
#[derive(Debug)]
struct Gated(KeySigner, Gate);

/// Whether it is shut, and what tells that it is no more.
#[derive(Debug, Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

/// Opens the gate when it is dropped, after a panic as well: a ledger waits for its writer.
struct Shut(Gate);

impl Gate {
    fn shut(&self) -> Shut {
        let (is_shut, _) = &*self.0;
        *is_shut.lock().unwrap() = true;
        Shut(self.clone())
    }
}

impl Drop for Shut {
    fn drop(&mut self) {
        let (is_shut, opened) = &*self.0.0;
        *is_shut.lock().unwrap() = false;
        opened.notify_all();
    }
}

impl Signer for Gated {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], BoxError> {
        let (is_shut, opened) = &*self.1.0;
        let is_shut = is_shut.lock().unwrap();
        drop(opened.wait_while(is_shut, |is_shut| *is_shut).unwrap());
        self.0.sign(message)
    }
}

#[tokio::test]
async fn module_hears_of_a_call_when_its_intent_is_safe_and_its_outcome_says_the_rest() {
    for (durability, owed, safe) in [
        (Durability::Async, None, 0),
        (Durability::Async, Some(Durability::Group), 1),
        (Durability::Group, None, 1),
        (Durability::Group, Some(Durability::Async), 1),
        (Durability::Sync, None, 1),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let gate = Gate::default();
        let signer = Gated(KeySigner::from_seed(&[7; 32]), gate.clone());
        let options = Options::default().with_signer(signer);
        let ledger = Ledger::open(dir.path(), options).unwrap();
        // What nothing waits for becomes safe by itself: here, not before the call has ended.
        let shut = (safe == 0).then(|| gate.shut());
        let heard = Arc::new(AtomicUsize::new(7));
        let intents = IntentLayer::new(ledger.clone()).with_durability(durability);
        let stack = governed(intents.layer(module(&heard, dir.path())), owed);
        let stack = AuditLayer::new(ledger.clone()).layer(stack);
        stack.oneshot(call()).await.unwrap();
        assert_eq!(heard.load(SeqCst), safe, "{durability:?} {owed:?}");
        drop(shut);
        if durability == Durability::Sync {
            assert_eq!(entries(dir.path()).len(), 2, "the outcome is safe by now");
        }
        ledger.close().unwrap();
        assert_eq!(verify(dir.path()).unwrap().extent.size, 2);
        let all = entries(dir.path());
        let [intent, outcome] = &all[..] else {
            panic!("{all:?}")
        };
        let Event::Outcome(ended) = &outcome.record.event else {
            panic!("{outcome:?}")
        };
        assert_eq!(ended.intent, intent.record.id);
        assert_eq!((ended.facts.len(), &ended.end.outcome), (1, &Outcome::Ok));
        let whole = calls(dir.path()).unwrap().next().unwrap().unwrap();
        let Event::Call(whole) = whole.record.event else {
            panic!("not joined")
        };
        assert_eq!(whole.facts.len(), 2);
        assert_eq!(whole.principal.id.unwrap().as_str(), "ada");
    }
}

#[tokio::test]
async fn without_an_intent_on_the_record_no_module_hears_of_a_call() {
    let disk = ModelDisk::new();
    let ledger = Ledger::open_on(disk.clone(), Options::default()).unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let module = {
        let heard = Arc::clone(&heard);
        service_fn(move |_: Routed| {
            heard.fetch_add(1, SeqCst);
            async { Ok::<_, Error>(Reply::complete(RESULT)) }
        })
    };
    let intents = IntentLayer::new(ledger.clone());
    let unaudited = governed(intents.layer(module.clone()), None);
    let error = unaudited.oneshot(call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);

    let stack = AuditLayer::new(ledger.clone()).layer(governed(intents.layer(module), None));
    stack.clone().oneshot(call()).await.unwrap();
    assert_eq!(heard.load(SeqCst), 1);
    // What is ordered second is done after all that follows a record, room for the next included.
    ledger.publish().unwrap();
    ledger.publish().unwrap();
    disk.fail_sync(DiskFault::LostSync);
    let error = stack.clone().oneshot(call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let error = stack.oneshot(call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(heard.load(SeqCst), 1);
}

#[tokio::test]
async fn denial_waits_for_its_record_where_anything_does() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let deny = service_fn(|call: Call| async {
        call.decide(Decision::Deny(Denial::new(vec![], "no rule allows it")))?;
        unreachable!()
    });
    let stack = AuditLayer::new(ledger.clone()).layer(deny);
    let error: Error = stack.oneshot(call()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let all = entries(dir.path());
    assert!(matches!(&all[..], [Entry { record, .. }] if matches!(record.event, Event::Call(_))));
}

#[tokio::test]
async fn reply_says_where_the_intent_stands_if_it_is_to() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let heard = Arc::default();
    let intents = IntentLayer::new(ledger.clone());
    let stack = governed(intents.layer(module(&heard, dir.path())), None);
    let plain = AuditLayer::new(ledger.clone()).layer(stack.clone());
    let bytes = |reply: Reply| reply.response().unwrap().bytes().clone();
    assert_eq!(bytes(plain.oneshot(call()).await.unwrap()), RESULT);

    let giving = AuditLayer::new(ledger.clone()).with_receipts(Receipts::Give);
    let reply = bytes(giving.layer(stack).oneshot(call()).await.unwrap());
    let json: serde_json::Value = serde_json::from_slice(&reply).unwrap();
    let receipt = &json["result"]["_meta"][RECEIPT];
    assert_eq!(receipt["origin"], ledger.origin());
    let all = entries(dir.path());
    let seq = receipt["seq"].as_u64().unwrap();
    let intent = all.iter().find(|it| it.seq == seq).unwrap();
    assert!(matches!(intent.record.event, Event::Intent(_)));
    let leaf = mcpo2_verify::leaf_hash(&intent.leaf.encode());
    let hex: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(receipt["leaf"], hex);
    assert!(receipt["size"].as_u64().unwrap() > seq);
}

#[tokio::test]
async fn call_that_a_crash_interrupted_is_ended_as_unknown() {
    let disk = ModelDisk::new();
    let ledger =
        Ledger::open_on(disk.clone(), Options::default().with_segment_bytes(4000)).unwrap();
    let forever = service_fn(|_: Routed| std::future::pending::<Result<Reply, Error>>());
    let intents = IntentLayer::new(ledger.clone());
    let stack = AuditLayer::new(ledger.clone()).layer(governed(intents.layer(forever), None));
    let mut pending = Vec::new();
    for _ in 0..9 {
        let mut call = Box::pin(stack.clone().oneshot(call()));
        assert!(call.as_mut().now_or_never().is_none());
        pending.push(call);
    }
    ledger.flush().unwrap();
    let left = disk.crash(3);
    // However often the next opening is stopped as well.
    for more in 1..30 {
        let left = disk.crash(3);
        left.fail_at(more, DiskFault::Crash);
        drop(Ledger::open_on(left.clone(), Options::default()));
        let left = left.crash(more);
        Ledger::open_on(left.clone(), Options::default())
            .unwrap()
            .close()
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        left.store(dir.path()).unwrap();
        let ended = calls(dir.path()).unwrap().filter(|it| {
            let event = &it.as_ref().unwrap().record.event;
            matches!(event, Event::Call(call) if call.end.outcome == Outcome::Unknown)
        });
        assert_eq!(ended.count(), 9, "stopped at {more}");
    }
    let dir = tempfile::tempdir().unwrap();
    let again = Ledger::open_on(left.clone(), Options::default()).unwrap();
    again.close().unwrap();
    left.store(dir.path()).unwrap();
    verify(dir.path()).unwrap();
    let ended: Vec<_> = calls(dir.path())
        .unwrap()
        .map(|it| it.unwrap().record.event)
        .collect();
    assert_eq!(ended.len(), 9);
    for event in ended {
        let Event::Call(call) = event else {
            panic!("{event:?}")
        };
        assert_eq!(call.end.outcome, Outcome::Unknown);
    }
    // Not twice.
    Ledger::open_on(left.clone(), Options::default())
        .unwrap()
        .close()
        .unwrap();
    assert_eq!(again.stats().head.size, 18);
}

#[tokio::test]
async fn response_in_a_stream_waits_for_its_outcome_where_it_is_to() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let module = service_fn(|_: Routed| async {
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
        let frames = [progress, RESULT].map(|it| Ok(mcpo2_core::Frame::new(it)));
        Ok::<_, Error>(Reply::stream(futures_util::stream::iter(frames)))
    });
    let intents = IntentLayer::new(ledger.clone()).with_durability(Durability::Sync);
    let stack = AuditLayer::new(ledger.clone()).layer(governed(intents.layer(module), None));
    let reply = stack.oneshot(call()).await.unwrap();
    let mcpo2_core::Body::Stream(mut frames) = reply.into_body() else {
        panic!("no stream")
    };
    use futures_util::StreamExt as _;
    frames.next().await.unwrap().unwrap();
    assert_eq!(
        entries(dir.path()).len(),
        1,
        "the intent, and no outcome yet"
    );
    let response = frames.next().await.unwrap().unwrap();
    assert_eq!(response.data(), RESULT);
    assert_eq!(entries(dir.path()).len(), 2, "the outcome is safe");
    assert!(frames.next().await.is_none());
}
