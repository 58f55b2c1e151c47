//! What the layer promises its neighbours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::sync::Arc;

use common::*;
use futures_util::{StreamExt, stream};
use mcpo2_core::{
    AuthMethod, Body, Call, Directory, Duty, Error, ErrorKind, Fact, Facts, Filtered, Frame, Id,
    Item, ItemKind, Permitted, Principal, Reply, RuleId,
    message::{ListPage, PageEntries},
};
use mcpo2_policy::{Engine, Policy, PolicyLayer};
use serde_json::json;
use tower::{Layer, Service};
use tower_test::mock::{self, Spawn};

type Handle = mock::Handle<Permitted, Reply>;

/// The mock's error is tower's box; our layers speak `Error`.
#[derive(Clone)]
struct Inner(mock::Mock<Permitted, Reply>);

impl Service<Permitted> for Inner {
    type Response = Reply;
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Error>> {
        self.0.poll_ready(cx).map_err(Error::from)
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        let reply = self.0.call(permitted);
        Box::pin(async move { reply.await.map_err(Error::from) })
    }
}

type Stack = Spawn<mcpo2_policy::PolicyService<Inner>>;

fn stack(layer: &PolicyLayer) -> (Stack, Handle) {
    let (inner, handle) = mock::pair();
    (Spawn::new(layer.layer(Inner(inner))), handle)
}

fn lists() -> PolicyLayer {
    let rules = json!([
        {"id": "a", "effect": "allow", "tools": ["add"]},
        {"id": "b", "effect": "allow", "tools": ["read"],
         "arguments": [{"pointer": "/p", "glob": "/srv/**"}]},
    ]);
    PolicyLayer::new(Arc::new(policy(rules)))
}

fn tools_list() -> Call {
    call(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
}

fn tools_call(name: &str) -> Call {
    call(&format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#
    ))
}

/// Sends a call through, lets the inner service answer, and gives the reply.
async fn answered(layer: &PolicyLayer, call: Call, with: Reply) -> Result<Reply, Error> {
    let (mut service, mut handle) = stack(layer);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let reply = tokio::spawn(service.call(call));
    // So that the wait below ends where the call was rejected.
    drop(service);
    let (_, responder) = handle.next_request().await.unwrap();
    responder.send_response(with);
    reply.await.unwrap()
}

fn bytes(reply: Reply) -> String {
    match reply.into_body() {
        Body::Complete(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn filtered(call: &Call) -> Vec<Filtered> {
    let facts = call.trail().facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Filtered(filtered) => Some(filtered),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_denied_call_never_reaches_the_inner_service() {
    let (mut service, mut handle) = stack(&lists());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tools_call("drop");
    let error = service.call(call.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(error.to_string(), "Unknown tool: drop");
    assert!(mock_is_idle(&mut handle));
    let facts = call.trail().facts();
    let [Fact::Decided(decided)] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!(decided.rules, []);
    assert_eq!(&*decided.reason, "no rule allows it");
}

fn mock_is_idle(handle: &mut Handle) -> bool {
    handle.poll_request().is_pending()
}

#[tokio::test]
async fn a_call_that_needs_approval_waits_outside() {
    let rules = json!([{"id": "a", "effect": "require_approval", "approval": {"group": "sre"}}]);
    let (mut service, mut handle) = stack(&PolicyLayer::new(Arc::new(policy(rules))));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let error = service.call(tools_call("drop")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ApprovalRequired);
    assert!(mock_is_idle(&mut handle));
}

#[tokio::test]
async fn readiness_is_the_inner_services() {
    let (mut service, mut handle) = stack(&lists());
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    handle.send_error("broken");
    assert!(matches!(
        service.poll_ready(),
        std::task::Poll::Ready(Err(_))
    ));
}

#[tokio::test]
async fn an_allowed_call_passes_with_its_obligations_and_is_recorded() {
    let policy = Arc::new(policy(json!([
        {"id": "a", "effect": "allow", "obligations": {"preamble": "eng"}},
    ])));
    let digest = policy.digest();
    let (mut service, mut handle) = stack(&PolicyLayer::new(policy).discharging([Duty::Preamble]));
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let call = tools_call("add");
    let reply = tokio::spawn(service.call(call.clone()));
    let (permitted, responder) = handle.next_request().await.unwrap();
    assert_eq!(permitted.obligations().preamble.as_deref(), Some("eng"));
    assert_eq!(permitted.call().request().bytes(), call.request().bytes());
    let odd = r#"{"jsonrpc":"2.0","id":1,"result":{"cacheScope":"public", "content":[]}}"#;
    responder.send_response(Reply::complete(odd));
    assert_eq!(bytes(reply.await.unwrap().unwrap()), odd);
    let facts = call.trail().facts();
    let [Fact::Decided(decided)] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!(decided.rules, [RuleId::new("a").unwrap()]);
    assert_eq!(decided.bundle, digest);
}

struct OneModule;

impl Directory for OneModule {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        item.name()
            .starts_with("github__")
            .then(|| Arc::new(github()))
    }
}

#[tokio::test]
async fn the_directory_says_which_module_an_item_is_of() {
    let rules = json!([{"id": "a", "effect": "allow", "modules": ["github"]}]);
    let layer = PolicyLayer::new(Arc::new(policy(rules))).with_directory(Arc::new(OneModule));
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"github__a"},{"name":"b"}]}}"#;
    let reply = answered(&layer, tools_list(), Reply::complete(list))
        .await
        .unwrap();
    let shown = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"github__a"}]}}"#;
    assert_eq!(bytes(reply), shown);
    let reply = answered(&layer, tools_call("github__a"), Reply::accepted()).await;
    assert!(reply.is_ok());
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"ttlMs":5, "cacheScope": "public","tools":[{"name":"drop","x":1},{"name":"read"} ,{"z":9007199254740993,"name":"add"}],"nextCursor":"c"}}"#;
const SHOWN: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"ttlMs":5, "cacheScope": "private","tools":[{"name":"read"},{"z":9007199254740993,"name":"add"}],"nextCursor":"c"}}"#;

#[tokio::test]
async fn a_list_shows_what_may_be_used_and_is_shared_with_nobody() {
    let call = tools_list();
    let reply = answered(&lists(), call.clone(), Reply::complete(LIST))
        .await
        .unwrap();
    assert_eq!(bytes(reply), SHOWN);
    let count = Filtered {
        shown: 2,
        hidden: 1,
    };
    assert_eq!(filtered(&call), [count]);
}

/// A page of the gateway, which says itself what is on it.
fn page(entries: &Arc<PageEntries>, public: bool) -> Reply {
    let page = ListPage::new(Arc::clone(entries), &Id::number(1)).with_scope(public);
    Reply::page(page)
}

#[tokio::test]
async fn t02_what_one_caller_sees_of_a_page_is_never_another_s() {
    let rules = json!([
        {"id": "all", "effect": "allow", "tenants": ["acme"], "roles": ["lead"]},
        {"id": "acme", "effect": "allow", "tenants": ["acme"], "tools": ["t1*"]},
        {"id": "other", "effect": "allow", "tenants": ["other"], "tools": ["t2*"]},
    ]);
    let layer = PolicyLayer::new(Arc::new(policy(rules)));
    let of = |tenant: &str, id: &str| {
        Principal::new(
            tenant.parse().unwrap(),
            id.parse().unwrap(),
            AuthMethod::Host,
        )
    };
    let callers = [
        (of("acme", "ada"), "t1"),
        (of("acme", "ada").with_roles(["lead"]), "t"),
        (of("other", "ada"), "t2"),
        (of("nobody", "ada"), "-"),
    ];
    let entries = |from: usize| {
        let entry = |n: usize| {
            let name = format!("t{}", n + from);
            let json = json!({ "name": name }).to_string();
            (Item::new(ItemKind::Tool, name), json)
        };
        Arc::new(PageEntries::new(ItemKind::Tool, (0..30).map(entry)))
    };
    let pages = [entries(0), entries(10)];
    // More often than is remembered, and in every order.
    for round in 0..100_usize {
        let (caller, prefix) = &callers[round * 7 % callers.len()];
        let entries = &pages[round / 3 % 2];
        let mut call = Call::new(tools_list().request().clone(), caller.clone());
        call.extensions_mut().insert(round);
        let reply = answered(&layer, call.clone(), page(entries, round % 2 == 0)).await;
        let text = bytes(reply.unwrap());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["result"]["cacheScope"], "private", "{text}");
        let shown = json["result"]["tools"].as_array().unwrap().iter();
        let shown: Vec<_> = shown.map(|tool| tool["name"].as_str().unwrap()).collect();
        let names = entries.items().map(Item::name);
        let may: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
        assert_eq!(shown, may, "{round}");
        let hidden = 30 - may.len();
        let shown = may.len();
        assert_eq!(filtered(&call), [Filtered { shown, hidden }]);
    }
}

#[tokio::test]
async fn a_page_in_which_nothing_is_hidden_keeps_its_bytes() {
    let add = (Item::new(ItemKind::Tool, "add"), r#"{ "name":"add"}"#);
    let entries = Arc::new(PageEntries::new(ItemKind::Tool, [add]));
    let reply = answered(&lists(), tools_list(), page(&entries, false)).await;
    let sent =
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{ "name":"add"}],"cacheScope":"private"}}"#;
    assert_eq!(bytes(reply.unwrap()), sent);
}

#[tokio::test]
async fn a_list_in_which_nothing_is_hidden_keeps_its_bytes() {
    let list = r#"{ "result":{"tools":[ {"name":"add"} ],"cacheScope":"private"},"id":1,"jsonrpc":"2.0" }"#;
    let reply = answered(&lists(), tools_list(), Reply::complete(list))
        .await
        .unwrap();
    assert_eq!(bytes(reply), list);
}

#[tokio::test]
async fn allow_all_keeps_every_byte_even_of_what_is_no_list() {
    let layer = PolicyLayer::new(Arc::new(Policy::allow_all()));
    for odd in [LIST, r#"{"jsonrpc":"2.0","id":1,"result":{"tools":7}}"#] {
        let reply = answered(&layer, tools_list(), Reply::complete(odd))
            .await
            .unwrap();
        assert_eq!(bytes(reply), odd);
    }
}

#[tokio::test]
async fn an_error_in_place_of_a_list_passes() {
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    let reply = answered(&lists(), tools_list(), Reply::complete(error))
        .await
        .unwrap();
    assert_eq!(bytes(reply), error);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_passed_on() {
    for bad in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":7}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"title":"secret"}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"drop"}]}}"#,
        "no json",
    ] {
        let error = answered(&lists(), tools_list(), Reply::complete(bad))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Upstream, "{bad}");
        assert_eq!(error.to_string(), "the list could not be read");
    }
}

#[tokio::test]
async fn of_a_stream_only_the_response_is_filtered() {
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
    let frames = [
        Frame::new("").with_event_id("0").with_retry_ms(5),
        Frame::new(progress),
        Frame::new(LIST).with_event_id("7"),
    ];
    let call = tools_list();
    let with = Reply::stream(stream::iter(frames.clone().map(Ok)));
    let reply = answered(&lists(), call.clone(), with).await.unwrap();
    let Body::Stream(passed) = reply.into_body() else {
        panic!()
    };
    let passed: Vec<_> = passed.map(Result::unwrap).collect().await;
    let [empty, progress, list] = frames;
    assert_eq!(passed, [empty, progress, list.with_data(SHOWN)]);
    assert_eq!(filtered(&call).len(), 1);
}

#[tokio::test]
async fn a_stream_ends_where_it_cannot_be_filtered() {
    let hidden = LIST.replace(r#""id":1"#, r#""id":2"#);
    let frames = [
        Frame::new(hidden),
        Frame::new(LIST),
        Frame::new("no json"),
        Frame::new(LIST),
    ];
    let call = tools_list();
    let with = Reply::stream(stream::iter(frames.map(Ok)));
    let reply = answered(&lists(), call.clone(), with).await.unwrap();
    let Body::Stream(mut passed) = reply.into_body() else {
        panic!()
    };
    let first = passed.next().await.unwrap().unwrap();
    assert!(
        !first.data().windows(4).any(|w| w == b"drop"),
        "another id hides nothing"
    );
    assert_eq!(passed.next().await.unwrap().unwrap().data(), SHOWN);
    assert_eq!(
        passed.next().await.unwrap().unwrap_err().kind(),
        ErrorKind::Upstream
    );
    assert!(passed.next().await.is_none());
    assert_eq!(filtered(&call).len(), 1);
}

/// What is told of a task is what `tasks/get` would say, and is blotted out like that.
#[tokio::test]
async fn nobody_subscribes_to_a_task_that_he_may_not_get() {
    let rules = json!([
        {"id": "a", "effect": "allow", "methods": ["tasks/get"], "obligations": {"redact": ["email"]}},
        {"id": "b", "effect": "deny", "methods": ["tasks/get"], "principals": ["bob"]},
    ]);
    let listen = |caller: mcpo2_core::Principal| {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":["7"]}}}"#;
        Call::new(common::request(text), caller)
    };
    let layer = PolicyLayer::new(Arc::new(policy(rules)));
    let (mut service, mut handle) = stack(&layer);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let bob = Principal::new(
        "acme".parse().unwrap(),
        "bob".parse().unwrap(),
        AuthMethod::Host,
    );
    let error = service.call(listen(bob)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    // Nothing below blots anything out, so what has to be is not told at all.
    let error = service.call(listen(common::ada())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(mock_is_idle(&mut handle));
    let layer = layer.discharging([Duty::Redact]);
    let (mut service, mut handle) = stack(&layer);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let reply = tokio::spawn(service.call(listen(common::ada())));
    let (permitted, responder) = handle.next_request().await.unwrap();
    assert!(permitted.obligations().redact.contains("email"));
    responder.send_response(Reply::accepted());
    reply.await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_subscribes_to_a_resource_that_he_may_not_read() {
    let rules = json!([{"id": "a", "effect": "allow", "resources": ["file:///srv/*"]}]);
    let layer = PolicyLayer::new(Arc::new(policy(rules)));
    let listen = |uris: &str| {
        call(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":{uris}}}}}}}"#
        ))
    };
    answered(&layer, listen("[]"), Reply::accepted())
        .await
        .unwrap();
    answered(&layer, listen(r#"["file:///srv/a"]"#), Reply::accepted())
        .await
        .unwrap();
    for uris in [
        r#"["file:///srv/a","file:///etc/passwd"]"#,
        r#"[{"uri":"file:///srv/a"}]"#,
    ] {
        let (mut service, mut handle) = stack(&layer);
        handle.allow(1);
        assert!(service.poll_ready().is_ready());
        let error = service.call(listen(uris)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{uris}");
        assert!(mock_is_idle(&mut handle));
    }
}
