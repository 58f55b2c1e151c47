//! The transport of 2024-11-05: served where it is configured, and spoken to modules that have no
//! other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::SocketAddr;

use http::{Method, StatusCode};
use mcpo2_server::Mode;
use mcpo2_testkit::{fixture::Fixture, raw::vendor::Era};
use serde_json::{Value, json};

use self::support::{
    Gateway,
    client::{self, Ask, Streaming, bare, in_session, modern, plain, post},
    until,
};

const SERVED: &str = "http:\n  sessions: { sse_2024_11_05: true }\n";

fn stream_of(address: SocketAddr) -> Ask {
    bare(address, "")
        .method(Method::GET)
        .path("/sse")
        .with("accept", "text/event-stream")
}

/// A stream, and the address that it names.
async fn begin(ask: Ask) -> (Streaming, String) {
    let mut stream = ask.open().await;
    assert_eq!(stream.status, StatusCode::OK);
    let named = stream.event().await.unwrap().data;
    assert!(named.starts_with("/messages?sessionId="), "{named}");
    (stream, named)
}

async fn tell(address: SocketAddr, named: &str, message: String) -> StatusCode {
    let told = post(address, message).path(named).answer().await;
    told.status
}

fn hello(capabilities: &str) -> String {
    let params = format!(
        r#""protocolVersion":"2024-11-05","capabilities":{capabilities},"clientInfo":{{"name":"t","version":"1"}}"#
    );
    plain("0", "initialize", &params)
}

fn tool(id: &str, name: &str, more: &str) -> String {
    plain(id, "tools/call", &format!(r#""name":"{name}"{more}"#))
}

async fn serving(url: &str) -> Gateway {
    Gateway::start(&support::observed(url, SERVED), Mode::Observed).await
}

#[tokio::test]
async fn a_client_of_the_first_revision_is_served_where_that_is_configured() {
    let url = support::serving(Fixture::new().unwrap()).await;
    let plain_gateway = Gateway::before(&url).await;
    let none = stream_of(plain_gateway.address).answer().await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);

    let gateway = serving(&url).await;
    let address = gateway.address;
    let (mut stream, named) = begin(stream_of(address)).await;
    let accepted = StatusCode::ACCEPTED;
    let pretty = hello(r#"{"elicitation":{}}"#).replace(",\"capabilities\"", ",\n\"capabilities\"");
    assert_eq!(tell(address, &named, pretty).await, accepted);
    let begun = stream.message(|message| message["id"] == 0).await;
    assert_eq!(begun["result"]["protocolVersion"], "2024-11-05");
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(tell(address, &named, note.into()).await, accepted);

    assert_eq!(
        tell(address, &named, tool("1", "test_elicitation", "")).await,
        accepted
    );
    let question = stream
        .message(|message| message["method"] == "elicitation/create")
        .await;
    let content = json!({ "username": "ada", "email": "a@b.c" });
    let said = json!({ "jsonrpc": "2.0", "id": question["id"],
        "result": { "action": "accept", "content": content } });
    assert_eq!(tell(address, &named, said.to_string()).await, accepted);
    let done = stream.message(|message| message["id"] == 1).await;
    assert!(done.to_string().contains("ada"), "{done}");

    let records = gateway.call_of("tools/call").await;
    assert_eq!(&*records.request.method, "tools/call");
    drop(stream);
    let gone = async || tell(address, &named, plain("2", "ping", "")).await;
    support::soon("the end of the session", async {
        while gone().await != StatusCode::NOT_FOUND {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_the_first_revision_is_of_its_owner_and_guarded_as_the_rest() {
    let upstream = support::vendor(Era::Legacy).await;
    let (ada, ada_entry) = support::key("ada", "acme");
    let (ben, ben_entry) = support::key("ben", "acme");
    let yaml = support::observed(&upstream.url(), SERVED).replace(
        "identity: { anonymous: { tenant: local } }",
        &format!("identity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}"),
    );
    let gateway = Gateway::start(&yaml, Mode::Observed).await;
    let address = gateway.address;
    let stranger = stream_of(address).answer().await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let foreign = stream_of(address)
        .key(&ada)
        .with("origin", "https://evil.example");
    assert_eq!(foreign.answer().await.status, StatusCode::FORBIDDEN);
    let wrong = stream_of(address)
        .key(&ada)
        .with_only("accept", "application/json");
    assert_eq!(wrong.answer().await.status, StatusCode::NOT_ACCEPTABLE);

    let (mut stream, named) = begin(stream_of(address).key(&ada)).await;
    let tell = |key: &str, message: &str| {
        let ask = post(address, message.to_owned()).path(&named).key(key);
        async move { ask.answer().await.status }
    };
    let hello = hello("{}");
    assert_eq!(tell(&ben, &hello).await, StatusCode::NOT_FOUND);
    assert_eq!(tell(&ada, "{").await, StatusCode::BAD_REQUEST);
    assert_eq!(
        tell(
            &ada,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","method":"y"}"#
        )
        .await,
        StatusCode::BAD_REQUEST
    );
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#,
        "x".repeat(5 << 20)
    );
    assert_eq!(tell(&ada, &long).await, StatusCode::PAYLOAD_TOO_LARGE);
    let put = bare(address, "")
        .method(Method::PUT)
        .path("/messages")
        .key(&ada);
    assert_eq!(put.answer().await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(tell(&ada, &hello).await, StatusCode::ACCEPTED);
    let begun = stream.message(|_| true).await;
    assert_eq!(begun["id"], 0, "ben's was never said");
    let reasons = || {
        let rejects = support::rejects(gateway.records());
        let reasons: Vec<_> = rejects
            .iter()
            .map(|reject| reject.reason.to_string())
            .collect();
        reasons
            .contains(&"session_unknown".to_owned())
            .then_some(())
    };
    until("the record of a refusal", reasons).await;
}

/// A gateway before one that speaks the first revision only, as far as it can see.
async fn before_a_pair(module: &Gateway) -> Gateway {
    Gateway::before(&format!("http://{}/sse", module.address)).await
}

#[tokio::test]
async fn a_module_of_the_first_revision_is_found_out_and_serves_clients_of_all() {
    let url = support::serving(Fixture::new().unwrap().legacy()).await;
    let module = serving(&url).await;
    let gateway = before_a_pair(&module).await;
    let address = gateway.address;

    let session = client::begin(address, r#"{"sampling":{}}"#).await;
    let mut stream = in_session(address, &session, tool("5", "test_sampling", ""))
        .open()
        .await;
    let question = stream.message(|_| true).await;
    assert_eq!(question["method"], "sampling/createMessage");
    let sampled =
        json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "hi" } });
    let said = json!({ "jsonrpc": "2.0", "id": question["id"], "result": sampled });
    let taken = in_session(address, &session, said.to_string())
        .answer()
        .await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    let done = stream.message(|message| message["id"] == 5).await;
    assert!(done.to_string().contains("LLM response: hi"), "{done}");

    let call = |more: &str| {
        modern(
            address,
            format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"test_sampling"{more},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{"sampling":{{}}}}}}}}}}"#
            ),
        )
    };
    let first = call("").answer().await.json();
    let asked = first["result"]["inputRequests"].clone();
    let asked = asked.as_object().unwrap_or_else(|| panic!("{first}"));
    let answers: Value = asked
        .keys()
        .map(|key| (key.clone(), sampled.clone()))
        .collect();
    let state = &first["result"]["requestState"];
    let more = format!(r#","inputResponses":{answers},"requestState":{state}"#);
    let done = call(&more).answer().await;
    assert!(done.text().contains("LLM response: hi"), "{}", done.text());
}

#[tokio::test]
async fn the_end_of_the_stream_ends_the_link_and_another_is_opened() {
    let url = support::serving(Fixture::new().unwrap().legacy()).await;
    let module = serving(&url).await;
    let gateway = before_a_pair(&module).await;
    let list = || modern(gateway.address, client::stateless("1", "tools/list", "")).answer();
    assert!(list().await.text().contains("test_sampling"));
    module.stop().await;
    let refused = async || list().await.code() == Some(-31002);
    support::soon("the end of the link", async {
        while !refused().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}
