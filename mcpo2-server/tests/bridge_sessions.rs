//! Sessions before modules that have none: what the module needs of the client, and what it tells.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::SocketAddr;

use http::StatusCode;
use mcpo2_testkit::raw::{
    Answer as Canned, Canned as Answers, RawUpstream,
    vendor::{self, Era},
};
use serde_json::{Value, json};

use self::support::{
    Gateway,
    client::{self, Streaming, in_session, listen, plain},
    fixtures,
};

const ALL: &str = r#"{"elicitation":{},"sampling":{},"roots":{}}"#;

fn tool(name: &str, more: &str) -> String {
    plain("5", "tools/call", &format!(r#""name":"{name}"{more}"#))
}

fn is_answer(message: &Value) -> bool {
    message.get("result").is_some() || message.get("error").is_some()
}

/// Says to each question what `say` makes of its method, and gives the questions and the answer.
async fn converse(
    address: SocketAddr,
    session: &str,
    mut stream: Streaming,
    say: impl Fn(&str) -> Value,
) -> (Vec<String>, Value) {
    let mut asked = Vec::new();
    loop {
        let message = stream.message(|_| true).await;
        if is_answer(&message) {
            return (asked, message);
        }
        let Some(method) = message["method"]
            .as_str()
            .filter(|_| !message["id"].is_null())
        else {
            continue;
        };
        let said = json!({ "jsonrpc": "2.0", "id": message["id"], "result": say(method) });
        let taken = in_session(address, session, said.to_string())
            .answer()
            .await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text());
        asked.push(method.to_owned());
    }
}

fn usual(method: &str) -> Value {
    match method {
        "elicitation/create" => {
            json!({ "action": "accept", "content": { "name": "Ada", "ok": true, "color": "red" } })
        }
        "sampling/createMessage" => {
            json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "hi" } })
        }
        _ => json!({ "roots": [{ "uri": "file:///srv/ada" }] }),
    }
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn what_a_module_needs_is_asked_on_the_stream_of_the_request_over_http_and_stdio() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let address = gateway.address;
        let session = client::begin(address, ALL).await;
        for (name, questions, says) in [
            ("elicitation", &["elicitation/create"][..], "Hello, Ada!"),
            (
                "sampling",
                &["sampling/createMessage"],
                "The client sampled",
            ),
            ("list_roots", &["roots/list"], "file:///srv/ada"),
            ("request_state", &["elicitation/create"], "state-ok"),
            (
                "multi_round",
                &["elicitation/create", "elicitation/create"],
                "Both rounds are done",
            ),
            (
                "multiple_inputs",
                &["elicitation/create", "roots/list", "sampling/createMessage"],
                "All inputs received",
            ),
        ] {
            let call = tool(&format!("test_input_required_result_{name}"), "");
            let stream = in_session(address, &session, call).open().await;
            let (mut asked, answer) = converse(address, &session, stream, usual).await;
            asked.sort();
            assert_eq!(asked, questions, "{name}");
            assert_eq!(answer["id"], 5);
            assert!(text(&answer).contains(says), "{name}: {answer}");
            assert!(answer["result"].get("resultType").is_none(), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_client_is_asked_nothing_that_it_did_not_say_it_can_answer() {
    let gateway = fixtures::over_http().await;
    let address = gateway.address;
    let session = client::begin(address, r#"{"sampling":{}}"#).await;
    let call = tool("test_input_required_result_elicitation", "");
    let answer = in_session(address, &session, call).answer().await;
    assert_eq!(answer.code(), Some(-32021), "{}", answer.text());
    assert!(!answer.text().contains("elicitation/create"));
    // The module knows what the client can, and asks for that alone.
    let call = tool("test_input_required_result_capabilities", "");
    let stream = in_session(address, &session, call).open().await;
    let (asked, answer) = converse(address, &session, stream, usual).await;
    assert_eq!(asked, ["sampling/createMessage"]);
    assert!(text(&answer).contains("received"), "{answer}");
}

#[tokio::test]
async fn a_client_that_refuses_ends_the_call_and_an_answer_counts_once() {
    let gateway = fixtures::over_http().await;
    let address = gateway.address;
    let session = client::begin(address, ALL).await;
    let call = tool("test_input_required_result_elicitation", "");
    let mut stream = in_session(address, &session, call).open().await;
    let question = stream.message(|_| true).await;
    let id = &question["id"];
    let refusal = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -1, "message": "no" } });
    let say = || in_session(address, &session, refusal.to_string()).answer();
    assert_eq!(say().await.status, StatusCode::ACCEPTED);
    let answer = stream.message(is_answer).await;
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert_eq!(say().await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_level_of_a_session_goes_with_each_request_and_progress_comes_back() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let address = gateway.address;
        let session = client::begin(address, "{}").await;
        let send = |body: String| in_session(address, &session, body).answer();
        let silent = send(tool("test_logging_tool", "")).await;
        assert!(
            !silent.text().contains("notifications/message"),
            "{}",
            silent.text()
        );
        let set = send(plain("2", "logging/setLevel", r#""level":"warning""#)).await;
        assert_eq!(set.json()["result"], json!({}));
        let wrong = send(plain("2", "logging/setLevel", r#""level":"loud""#)).await;
        assert_eq!(wrong.code(), Some(-32602));
        let heard = send(tool("test_logging_tool", "")).await;
        assert!(
            heard.text().contains(r#""level":"warning""#),
            "{}",
            heard.text()
        );
        let progress = send(tool(
            "test_tool_with_progress",
            r#","_meta":{"progressToken":"p"}"#,
        ))
        .await;
        assert_eq!(progress.text().matches(r#""progressToken":"p""#).count(), 3);
        assert_eq!(
            send(plain("3", "ping", "")).await.json()["result"],
            json!({})
        );
    }
}

#[tokio::test]
async fn changes_come_on_the_stream_of_the_session_and_resources_once_subscribed() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let address = gateway.address;
        let session = client::begin(address, "{}").await;
        let send = |body: String| in_session(address, &session, body).answer();
        let mut stream = listen(address, &session).open().await;
        let uri = r#""uri":"test://watched-resource""#;
        let subscribed = send(plain("1", "resources/subscribe", uri)).await;
        assert_eq!(
            subscribed.json()["result"],
            json!({}),
            "{}",
            subscribed.text()
        );
        // A module may agree a moment before it tells, so it is asked to until it does.
        let mut told = async |name: &str, method: &str| {
            let trigger = tool(&format!("test_trigger_{name}"), "");
            let again = async {
                loop {
                    send(trigger.clone()).await;
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            };
            tokio::select! {
                message = stream.message(|message| message["method"] == *method) => message,
                () = again => unreachable!(),
            }
        };
        let updated = told("resource_update", "notifications/resources/updated").await;
        let params = json!({ "uri": "test://watched-resource", "_meta": {} });
        assert_eq!(updated["params"], params);
        told("tool_change", "notifications/tools/list_changed").await;
        let ended = send(plain("2", "resources/unsubscribe", uri)).await;
        assert_eq!(ended.json()["result"], json!({}));
    }
}

#[tokio::test]
async fn a_cancelled_call_is_given_up_at_the_module_and_a_session_that_ends_listens_no_more() {
    let upstream = RawUpstream::start(Answers::vendor(Era::Modern))
        .await
        .unwrap();
    let gateway = Gateway::before(&upstream.url()).await;
    let address = gateway.address;
    let session = client::begin(address, ALL).await;
    let hang = in_session(address, &session, tool("vendor_hang", ""));
    let waiting = tokio::spawn(hang.answer());
    upstream
        .wait_for(|log| log.of("tools/call").count() == 1)
        .await;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
    let told = in_session(address, &session, note).answer().await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    upstream.wait_for(|log| log.abandoned == 1).await;
    let nothing = support::soon("the end of the answer", waiting)
        .await
        .unwrap();
    assert!(!nothing.text().contains("result"), "{}", nothing.text());

    let stream = listen(address, &session).open().await;
    upstream
        .wait_for(|log| log.of("subscriptions/listen").count() == 1)
        .await;
    let delete = in_session(address, &session, "").method(http::Method::DELETE);
    assert_eq!(delete.answer().await.status, StatusCode::NO_CONTENT);
    upstream.wait_for(|log| log.abandoned == 2).await;
    drop(stream);
}

#[tokio::test]
async fn a_stream_of_changes_that_breaks_off_is_asked_for_again() {
    let once = Canned::events([vendor::TOOLS_CHANGED]);
    let canned = Answers::vendor(Era::Modern).with("subscriptions/listen", once);
    let upstream = RawUpstream::start(canned).await.unwrap();
    let gateway = Gateway::before(&upstream.url()).await;
    let session = client::begin(gateway.address, "{}").await;
    let mut stream = listen(gateway.address, &session).open().await;
    for _ in 0..2 {
        let changed = stream.message(|_| true).await;
        assert_eq!(changed["method"], "notifications/tools/list_changed");
        assert_eq!(
            changed["params"]["_meta"],
            json!({ "com.example/why": [1.0] })
        );
    }
    assert!(upstream.log().of("subscriptions/listen").count() >= 2);
}

#[tokio::test]
async fn a_result_loses_what_the_session_does_not_know_and_keeps_every_other_byte() {
    let upstream = RawUpstream::start(Answers::vendor(Era::Modern))
        .await
        .unwrap();
    let gateway = Gateway::before(&upstream.url()).await;
    let session = client::begin(gateway.address, "{}").await;
    for method in ["tools/list", "resources/list"] {
        let modern = vendor::result(Era::Modern, method).unwrap();
        let bare = modern.replacen(r#""resultType":"complete","#, "", 1);
        let (head, _) = bare.split_once(r#","ttlMs""#).unwrap();
        let answer = in_session(gateway.address, &session, plain("1", method, ""))
            .answer()
            .await;
        assert!(
            answer.text().contains(&format!("{head}}}")),
            "{}",
            answer.text()
        );
    }
}
