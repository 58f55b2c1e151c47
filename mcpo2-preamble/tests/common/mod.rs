//! Calls to test with.
#![allow(dead_code, reason = "not every test needs all of them")]

use mcpo2_core::{
    Applied, ApprovalState, AuthMethod, Call, Decision, Endpoint, Fact, Message, Module,
    Obligations, Principal, Request, Routed, Target, Trail,
};
use mcpo2_preamble::{Config, Profiles};

pub(crate) fn profiles(config: serde_json::Value) -> Profiles {
    let config: Config = serde_json::from_value(config).unwrap();
    config.compile().unwrap()
}

pub(crate) fn request(text: &str) -> Request {
    match Message::parse(text.to_owned()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

pub(crate) fn call_text(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)
}

/// A call by `tenant` of the module `module` of the family `family`.
pub(crate) fn routed(text: &str, (tenant, family, module): (&str, &str, &str)) -> Routed {
    obliged(text, (tenant, family, module), None)
}

pub(crate) fn obliged(
    text: &str,
    (tenant, family, module): (&str, &str, &str),
    preamble: Option<&str>,
) -> Routed {
    let module = Module::builder(
        module.parse().unwrap(),
        family.parse().unwrap(),
        Endpoint::new(()),
    )
    .approval(ApprovalState::Approved)
    .build();
    let mut obligations = Obligations::default();
    obligations.preamble = preamble.map(Into::into);
    call(text, tenant)
        .decide(Decision::Allow(obligations))
        .unwrap()
        .route(Target::module(&module).unwrap())
}

pub(crate) fn call(text: &str, tenant: &str) -> Call {
    let caller = Principal::new(
        tenant.parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    Call::new(request(text), caller)
}

pub(crate) fn applied(trail: &Trail) -> Vec<Applied> {
    let facts = trail.facts().into_iter();
    facts
        .map(|fact| match fact {
            Fact::Preamble(applied) => applied,
            other => panic!("another layer's fact: {other:?}"),
        })
        .collect()
}
