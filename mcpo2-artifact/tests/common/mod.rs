//! Calls, callers and a clock to test with.
#![allow(dead_code, reason = "not every test needs all of them")]

use std::{
    future::Future,
    num::NonZeroU64,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use mcpo2_artifact::{Artifacts, Clock, Config, Reader, token::Verb};
use mcpo2_core::{
    AuthMethod, Body, Call, Decision, Message, Obligations, Principal, ProtocolVersion, Reply,
    Routed, Target,
};
use serde_json::{Value, json};

pub(crate) const CALL: (&str, &str) = ("tools/call", r#"{"name":"write"}"#);

#[derive(Debug, Clone)]
pub(crate) struct TestClock(Arc<Mutex<SystemTime>>);

impl TestClock {
    pub(crate) fn new() -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        Self(Arc::new(Mutex::new(start)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

pub(crate) fn config(config: Value) -> Config {
    serde_json::from_value(config).unwrap()
}

pub(crate) fn artifacts(with: Value) -> Artifacts {
    config(with).compile().unwrap().with_clock(TestClock::new())
}

pub(crate) fn principal(tenant: &str, id: &str) -> Principal {
    Principal::new(
        tenant.parse().unwrap(),
        id.parse().unwrap(),
        AuthMethod::Host,
    )
}

/// Who reads, where the policy permits.
pub(crate) fn reader(principal: &Principal) -> Reader {
    read_as(principal, Verb::Read)
}

pub(crate) fn read_as(principal: &Principal, verb: Verb) -> Reader {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}"#;
    let Message::Request(request) = Message::parse(text).unwrap() else {
        unreachable!()
    };
    let call = Call::new(request, principal.clone());
    let permitted = call
        .decide(Decision::Allow(Obligations::default()))
        .unwrap();
    Reader::new(&permitted, verb)
}

pub(crate) fn call((method, params): (&str, &str)) -> Call {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let Message::Request(request) = Message::parse(text).unwrap() else {
        unreachable!()
    };
    Call::new(request, principal("acme", "ada"))
}

pub(crate) fn routed(request: (&str, &str)) -> Routed {
    route(call(request))
}

pub(crate) fn route(call: Call) -> Routed {
    let permitted = call.decide(Decision::Allow(Obligations::default()));
    permitted.unwrap().route(Target::gateway())
}

pub(crate) fn obliged(max_result_bytes: u64) -> Routed {
    let mut obligations = Obligations::default();
    obligations.max_result_bytes = NonZeroU64::new(max_result_bytes);
    let permitted = call(CALL).decide(Decision::Allow(obligations));
    permitted.unwrap().route(Target::gateway())
}

pub(crate) fn reading(uri: &str, who: Principal) -> Routed {
    let params = json!({"uri": uri}).to_string();
    let Message::Request(request) = Message::parse(format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{params}}}"#
    ))
    .unwrap() else {
        unreachable!()
    };
    route(Call::new(request, who).with_version(ProtocolVersion::V2025_11_25))
}

pub(crate) fn response(result: &str) -> String {
    format!(r#"{{ "jsonrpc":"2.0","vendor":1,"result":{result},"id":1 }}"#)
}

pub(crate) fn message(reply: Reply) -> String {
    match reply.into_body() {
        Body::Complete(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("not complete: {other:?}"),
    }
}

pub(crate) fn result(reply: Reply) -> Value {
    let mut message: Value = serde_json::from_str(&message(reply)).unwrap();
    message["result"].take()
}

/// What a future gives that never waits, as none does on the stores of this crate.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
