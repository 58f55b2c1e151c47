#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests, each of which uses a part"
)]

use std::sync::Arc;

use mcpo2_core::{
    ApprovalState, AuthMethod, Call, Decision, Endpoint, Message, Module, ModuleBuilder,
    Obligations, Permitted, Principal, ProtocolVersion,
};
use mcpo2_route::{Naming, Registry, Router};

pub fn ada() -> Principal {
    let (tenant, id) = ("acme".parse().unwrap(), "ada".parse().unwrap());
    Principal::new(tenant, id, AuthMethod::Host)
}

/// A call of these bytes, in the newest revision with sessions.
pub fn call_of(bytes: impl Into<bytes::Bytes>) -> Call {
    match Message::parse(bytes).unwrap() {
        Message::Request(request) => {
            Call::new(request, ada()).with_version(ProtocolVersion::LATEST_SESSION)
        }
        Message::Response(_) => panic!("a response"),
    }
}

pub fn call(method: &str, params: &str) -> Call {
    call_of(format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#
    ))
}

pub fn tool(name: &str) -> Call {
    let name = serde_json::Value::from(name);
    call("tools/call", &format!(r#"{{"name":{name}}}"#))
}

pub fn resource(uri: &str) -> Call {
    let uri = serde_json::Value::from(uri);
    call("resources/read", &format!(r#"{{"uri":{uri}}}"#))
}

pub fn permitted(call: Call) -> Permitted {
    let decision = Decision::Allow(Obligations::default());
    call.decide(decision).unwrap()
}

/// A module that is still pending and leads nowhere.
pub fn draft(id: &str) -> ModuleBuilder {
    let family = "engineering".parse().unwrap();
    Module::builder(id.parse().unwrap(), family, Endpoint::new(()))
}

pub fn approved(id: &str) -> Arc<Module> {
    draft(id).approval(ApprovalState::Approved).build()
}

pub fn prefixed(modules: impl IntoIterator<Item = Arc<Module>>) -> Router {
    Router::new(Arc::new(Registry::new(modules, Naming::Prefixed).unwrap()))
}

pub fn plain(module: Arc<Module>) -> Router {
    Router::new(Arc::new(Registry::new([module], Naming::Plain).unwrap()))
}
