//! Sessions, and what goes on in them: whose they are, who is asked, what is told, what is resumed
//! and what is cancelled.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::SocketAddr;

use http::{Method, StatusCode};
use mcpo2_audit::{Event, Outcome};
use mcpo2_testkit::raw::{
    Answer, Canned, RawUpstream,
    vendor::{self, Era},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::support::{
    Gateway,
    client::{self, Streaming, in_session, listen, modern, plain, stateless},
    fixture, reconnecting, until, vendor as upstream,
};

const ASKS: &str = r#"{"elicitation":{"form":{}},"sampling":{}}"#;

fn tool(id: &str, name: &str, arguments: &str) -> String {
    let params = format!(r#""name":"{name}","arguments":{arguments}"#);
    plain(id, "tools/call", &params)
}

/// The file for two modules and whoever is on this machine.
fn two(alpha: &str, beta: &str) -> String {
    format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nmodules:\n  \
         - {{ id: alpha, family: general, approval: approved, http: {{ url: \"{alpha}\" }} }}\n  \
         - {{ id: beta, family: general, approval: approved, http: {{ url: \"{beta}\" }} }}\n\
         policy:\n  rules:\n    - {{ id: all, effect: allow, modules: [alpha, beta] }}\n"
    )
}

fn is_method(method: &str) -> impl Fn(&Value) -> bool {
    move |message| message["method"] == method
}

fn is_answer(message: &Value) -> bool {
    message.get("result").is_some() || message.get("error").is_some()
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap()
}

/// A gateway for `ada` and `ben` before one module that both may use.
async fn shared(url: &str) -> (Gateway, String, String) {
    let (ada, ada_entry) = support::key("ada", "acme");
    let (ben, ben_entry) = support::key("ben", "globex");
    let yaml = support::observed(url, "").replace(
        "identity: { anonymous: { tenant: local } }",
        &format!("identity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}"),
    );
    let gateway = Gateway::start(&yaml, mcpo2_server::Mode::Observed).await;
    (gateway, ada, ben)
}

#[tokio::test]
async fn a_session_ends_when_its_client_says_so() {
    let gateway = Gateway::before(&fixture().await).await;
    let address = gateway.address;
    let session = client::begin(address, "{}").await;
    let list = || in_session(address, &session, plain("1", "tools/list", ""));
    assert_eq!(list().answer().await.status, StatusCode::OK);
    let mut stream = listen(address, &session).open().await;
    let delete = || in_session(address, &session, "").method(Method::DELETE);
    assert_eq!(delete().answer().await.status, StatusCode::NO_CONTENT);
    while stream.event().await.is_some() {}
    for ask in [list(), delete(), listen(address, &session)] {
        assert_eq!(ask.answer().await.status, StatusCode::NOT_FOUND);
    }
    let other = client::begin(address, "{}").await;
    assert_ne!(other, session);
    let ended = gateway.stop().await.into_iter().filter(
        |record| matches!(&record.event, Event::Session(note) if note.action == "session_ended"),
    );
    assert_eq!(ended.count(), 1);
}

#[tokio::test]
async fn a_session_is_of_use_to_nobody_but_its_owner() {
    let (gateway, ada, ben) = shared(&fixture().await).await;
    let address = gateway.address;
    let session = client::begin_as(address, "{}", Some(&ada)).await;
    let list = || in_session(address, &session, plain("1", "tools/list", ""));
    for ask in [
        list(),
        listen(address, &session),
        in_session(address, &session, "").method(Method::DELETE),
    ] {
        let theirs = ask.key(&ben).answer().await;
        let none = in_session(address, "none", plain("1", "tools/list", ""));
        let none = none.key(&ben).answer().await;
        assert_eq!(
            (theirs.status, &theirs.body),
            (StatusCode::NOT_FOUND, &none.body)
        );
    }
    assert_eq!(list().key(&ada).answer().await.status, StatusCode::OK);
}

/// Answers the one question of a tool that asks its user, and gives what the tool says then.
async fn answer_as(
    mut stream: Streaming,
    address: SocketAddr,
    session: &str,
    key: &str,
    name: &str,
) -> (Value, Value) {
    let question = stream.message(is_method("elicitation/create")).await;
    let id = question["id"].to_string();
    let content = json!({ "username": name, "email": "a@b.c" });
    let said = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"action":"accept","content":{content}}}}}"#
    );
    let taken = in_session(address, session, said.clone())
        .key(key)
        .answer()
        .await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text());
    let answer = stream.message(is_answer).await;
    // Nobody waits for a second answer.
    let again = in_session(address, session, said).key(key).answer().await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    (question, answer)
}

#[tokio::test]
async fn two_clients_with_the_same_ids_are_each_asked_their_own_question() {
    let (gateway, ada, ben) = shared(&fixture().await).await;
    let address = gateway.address;
    let begin = async |key: &str| client::begin_as(address, ASKS, Some(key)).await;
    let (hers, his) = (begin(&ada).await, begin(&ben).await);
    let ask = async |key: &str, session: &str, message: &str| {
        let body = tool(
            "7",
            "test_elicitation",
            &format!(r#"{{"message":"{message}"}}"#),
        );
        in_session(address, session, body).key(key).open().await
    };
    // Both calls are under way before either question is answered.
    let to_ada = ask(&ada, &hers, "for ada").await;
    let to_ben = ask(&ben, &his, "for ben").await;
    let (of_ben, of_ada) = tokio::join!(
        answer_as(to_ben, address, &his, &ben, "ben"),
        answer_as(to_ada, address, &hers, &ada, "ada"),
    );
    for ((question, answer), name) in [(of_ada, "ada"), (of_ben, "ben")] {
        assert_eq!(question["params"]["message"], format!("for {name}"));
        assert_eq!(answer["id"], 7);
        let said = text(&answer);
        assert!(
            said.contains("action=accept") && said.contains(name),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_module_can_sample_from_its_client() {
    let gateway = Gateway::before(&fixture().await).await;
    let address = gateway.address;
    let session = client::begin(address, ASKS).await;
    let body = tool("\"s\"", "test_sampling", r#"{"prompt":"Say it"}"#);
    let mut stream = in_session(address, &session, body).open().await;
    let question = stream.message(is_method("sampling/createMessage")).await;
    let asked = &question["params"]["messages"][0]["content"]["text"];
    assert_eq!(asked, "Say it");
    let id = &question["id"];
    let said = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"role":"assistant","content":{{"type":"text","text":"said"}},"model":"m"}}}}"#
    );
    let taken = in_session(address, &session, said).answer().await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    let answer = stream.message(is_answer).await;
    assert_eq!(text(&answer), "LLM response: said");
}

#[tokio::test]
async fn two_modules_that_ask_at_once_each_get_their_own_answer() {
    let (alpha, beta) = (fixture().await, fixture().await);
    let gateway = Gateway::governed(&two(&alpha, &beta)).await;
    let address = gateway.address;
    let session = client::begin(address, ASKS).await;
    let mut asked = Vec::new();
    for (id, module) in [("1", "alpha"), ("2", "beta")] {
        let arguments = format!(r#"{{"message":"{module} asks"}}"#);
        let body = tool(id, &format!("{module}__test_elicitation"), &arguments);
        let mut stream = in_session(address, &session, body).open().await;
        let question = stream.message(is_method("elicitation/create")).await;
        assert_eq!(question["params"]["message"], format!("{module} asks"));
        asked.push((module, stream, question));
    }
    assert_ne!(asked[0].2["id"], asked[1].2["id"], "a client answers by id");
    for (module, _, question) in &asked {
        let content = json!({ "username": module, "email": "a@b.c" });
        let said = format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{"action":"accept","content":{content}}}}}"#,
            question["id"]
        );
        let taken = in_session(address, &session, said).answer().await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text());
    }
    for (module, mut stream, _) in asked {
        let answer = stream.message(is_answer).await;
        assert!(text(&answer).contains(module), "{answer}");
    }
}

#[tokio::test]
async fn progress_comes_while_the_call_runs() {
    for era in [Era::Modern, Era::Legacy] {
        let running = Answer::events([vendor::STREAM_EVENTS[0]]).and_stay_open();
        let canned = Canned::vendor(era).with_target("tools/call", "vendor_hang", running);
        let upstream = RawUpstream::start(canned).await.unwrap();
        let gateway = Gateway::before(&upstream.url()).await;
        let params = r#""name":"vendor_hang""#;
        let with_token = |body: String| match era {
            Era::Modern => body.replace(r#""_meta":{"#, r#""_meta":{"progressToken":"t","#),
            Era::Legacy => body.replace(
                params,
                &format!(r#"{params},"_meta":{{"progressToken":"t"}}"#),
            ),
        };
        let mut stream = match era {
            Era::Modern => {
                let body = with_token(stateless("3", "tools/call", params));
                modern(gateway.address, body).open().await
            }
            Era::Legacy => {
                let session = client::begin(gateway.address, "{}").await;
                let body = with_token(plain("3", "tools/call", params));
                in_session(gateway.address, &session, body).open().await
            }
        };
        let progress = stream.message(is_method("notifications/progress")).await;
        assert_eq!(progress["params"]["progressToken"], "t");
        // Only now does the module end the call.
        upstream.emit(r#"{"jsonrpc":"2.0","id":"$id","result":{"content":[]}}"#);
        let answer = stream.message(is_answer).await;
        assert_eq!(answer["id"], 3);
    }
}

async fn reconnects(address: SocketAddr, tool_name: &str, back: &Notify) {
    let session = client::begin(address, "{}").await;
    let body = tool("5", tool_name, "{}");
    let mut stream = in_session(address, &session, body).open().await;
    let (mut last, mut answered) = (None, false);
    while let Some(event) = stream.event().await {
        answered |= serde_json::from_str(&event.data).is_ok_and(|message| is_answer(&message));
        last = event.id.or(last);
    }
    assert!(!answered, "the stream should have ended before its answer");
    let last = last.unwrap();
    let resumed = listen(address, &session).with("last-event-id", &last);
    let mut stream = resumed.open().await;
    assert_eq!(stream.status, StatusCode::OK);
    back.notify_one();
    let answer = stream.message(is_answer).await;
    assert_eq!(answer["id"], 5);
    assert_eq!(text(&answer), "test_reconnection is done");
}

#[tokio::test]
async fn a_client_that_lost_its_stream_gets_the_rest_of_it() {
    let (url, back) = reconnecting().await;
    let gateway = Gateway::before(&url).await;
    reconnects(gateway.address, "test_reconnection", &back).await;
    let (url, back) = reconnecting().await;
    let gateway = Gateway::governed(&two(&fixture().await, &url)).await;
    reconnects(gateway.address, "beta__test_reconnection", &back).await;
}

#[tokio::test]
async fn a_session_s_stream_says_what_has_changed() {
    let gateway = Gateway::before(&fixture().await).await;
    let address = gateway.address;
    let session = client::begin(address, "{}").await;
    let mut stream = listen(address, &session).open().await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let body = tool("1", "test_trigger_tool_change", "{}");
    let done = in_session(address, &session, body).answer().await;
    assert_eq!(done.status, StatusCode::OK);
    stream
        .message(is_method("notifications/tools/list_changed"))
        .await;
}

#[tokio::test]
async fn a_subscription_says_what_has_changed_at_each_module() {
    let (alpha, beta) = (fixture().await, fixture().await);
    let gateway = Gateway::governed(&two(&alpha, &beta)).await;
    let filter = r#""notifications":{"toolsListChanged":true,"promptsListChanged":true}"#;
    let body = stateless("\"sub\"", "subscriptions/listen", filter);
    let mut stream = modern(gateway.address, body).open().await;
    let id = "io.modelcontextprotocol/subscriptionId";
    let acknowledged = stream.message(|_| true).await;
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    assert_eq!(acknowledged["params"]["_meta"][id], "sub");
    for (name, told) in [
        (
            "alpha__test_trigger_tool_change",
            "notifications/tools/list_changed",
        ),
        (
            "beta__test_trigger_prompt_change",
            "notifications/prompts/list_changed",
        ),
    ] {
        let params = format!(r#""name":"{name}""#);
        let body = stateless("2", "tools/call", &params);
        let done = modern(gateway.address, body).answer().await;
        assert_eq!(done.code(), None, "{}", done.text());
        let change = stream.message(|_| true).await;
        assert_eq!(
            (&change["method"], &change["params"]["_meta"][id]),
            (&told.into(), &"sub".into())
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call() {
    let never = Answer::never();
    let canned = Canned::vendor(Era::Modern).with_target("tools/call", "vendor_never", never);
    let upstream = RawUpstream::start(canned).await.unwrap();
    let gateway = Gateway::before(&upstream.url()).await;
    let ask = |name: &str| {
        let params = format!(r#""name":"{name}""#);
        modern(gateway.address, stateless("1", "tools/call", &params))
    };
    // Once behind the head of the answer, and once before it.
    let stream = ask("vendor_hang").open().await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    drop(stream);
    support::soon(
        "the end of the first",
        upstream.wait_for(|log| log.abandoned == 1),
    )
    .await;
    let waiting = tokio::spawn(ask("vendor_never").try_open());
    let both = |log: &mcpo2_testkit::raw::Log| log.of("tools/call").count() == 2;
    support::soon("the second call", upstream.wait_for(both)).await;
    waiting.abort();
    support::soon(
        "the end of the second",
        upstream.wait_for(|log| log.abandoned == 2),
    )
    .await;
    let ended = until("both records", || {
        let calls = gateway.calls();
        (calls.len() == 2).then_some(calls)
    });
    for call in ended.await {
        assert_eq!(call.end.outcome, Outcome::Cancelled);
    }
}

#[tokio::test]
async fn in_a_session_what_is_cancelled_is_told_to_the_module_that_runs_it() {
    let (alpha, beta) = (upstream(Era::Legacy).await, upstream(Era::Legacy).await);
    let gateway = Gateway::governed(&two(&alpha.url(), &beta.url())).await;
    let address = gateway.address;
    let session = client::begin(address, "{}").await;
    let stream = in_session(address, &session, tool("\"c\"", "alpha__vendor_hang", "{}"));
    let _stream = stream.open().await;
    let cancel = |id: &str| {
        format!(
            r#"{{"params":{{"z":1.0,"requestId":{id},"reason":"\u0061"}},"method":"notifications/cancelled","jsonrpc":"2.0"}}"#
        )
    };
    // One that nobody made goes nowhere.
    for id in ["\"d\"", "\"c\""] {
        let told = in_session(address, &session, cancel(id)).answer().await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
    }
    let is_told =
        |log: &mcpo2_testkit::raw::Log| log.of("notifications/cancelled").next().is_some();
    let log = support::soon("the notification", alpha.wait_for(is_told)).await;
    let heard: Vec<_> = log
        .of("notifications/cancelled")
        .map(|received| received.body.clone())
        .collect();
    assert_eq!(heard, [cancel("\"c\"")]);
    assert!(!is_told(&beta.log()));
}

/// A module that is gone silences no other.
#[tokio::test]
async fn a_session_goes_on_when_one_of_its_modules_is_gone() {
    let (alpha, beta) = (upstream(Era::Legacy).await, fixture().await);
    let gateway = Gateway::governed(&two(&alpha.url(), &beta)).await;
    let address = gateway.address;
    let session = client::begin(address, "{}").await;
    drop(alpha);
    let mut stream = listen(address, &session).open().await;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    let told = in_session(address, &session, note).answer().await;
    assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
    let body = tool("1", "beta__test_trigger_tool_change", "{}");
    let done = in_session(address, &session, body).answer().await;
    assert_eq!(done.code(), None, "{}", done.text());
    stream
        .message(is_method("notifications/tools/list_changed"))
        .await;
}

#[tokio::test]
async fn one_caller_cannot_have_all_sessions() {
    let upstream = upstream(Era::Legacy).await;
    let (gateway, ada, ben) = shared(&upstream.url()).await;
    let address = gateway.address;
    for _ in 0..256 {
        client::begin_as(address, "{}", Some(&ada)).await;
    }
    let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
    let one_more = client::post(address, plain("0", "initialize", params)).key(&ada);
    let refused = one_more.answer().await;
    assert_eq!(
        refused.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        refused.text()
    );
    assert_eq!(refused.json()["id"], 0);
    assert_eq!(upstream.log().of("initialize").count(), 256);
    client::begin_as(address, "{}", Some(&ben)).await;
    let refused = support::rejects(gateway.stop().await);
    let reasons: Vec<_> = refused.iter().map(|reject| &*reject.reason).collect();
    assert_eq!(reasons, ["too_many_sessions"]);
}
