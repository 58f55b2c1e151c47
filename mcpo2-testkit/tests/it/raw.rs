//! What the raw upstream promises to the tests that use it.

use mcpo2_testkit::raw::{
    Answer, Canned, RawUpstream,
    vendor::{self, Era},
};

use crate::exchange::Exchange;

const CALL: &str =
    r#"{ "id":"a\u0062","params":{"name":"vendor_call"} ,"method":"tools/call","jsonrpc":"2.0"}"#;

#[tokio::test]
async fn a_request_is_logged_and_answered_byte_for_byte() {
    let upstream = RawUpstream::start(Canned::vendor(Era::Modern))
        .await
        .unwrap();
    let response = Exchange::post(&upstream.url(), "tools/call", CALL)
        .await
        .read_to_end()
        .await;

    let result = vendor::result(Era::Modern, "tools/call").unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(
        response.contains("content-type: application/json\r\n"),
        "{response}"
    );
    assert!(
        response.contains(&format!(r#"{{"result":{result},"#)),
        "{response}"
    );
    assert!(response.contains(r#""id":"a\u0062""#), "{response}");

    let log = upstream.log();
    assert_eq!(log.received.len(), 1);
    assert_eq!(log.received[0].body, CALL);
    assert_eq!(log.received[0].header("mcp-method"), Some("tools/call"));
    assert_eq!(log.of("tools/call").count(), 1);
    assert_eq!(log.abandoned, 0);
}

#[tokio::test]
async fn events_carry_the_token_of_the_request() {
    let upstream = RawUpstream::start(Canned::vendor(Era::Modern))
        .await
        .unwrap();
    let call = r#"{"id":1,"method":"tools/call","params":{"name":"vendor_stream","_meta":{"progressToken":1.50}}}"#;
    let response = Exchange::post(&upstream.url(), "tools/call", call)
        .await
        .read_to_end()
        .await;

    assert!(
        response.contains("content-type: text/event-stream\r\n"),
        "{response}"
    );
    assert!(response.contains(r#""progressToken":1.50}"#), "{response}");
    assert!(
        response.contains("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/vendor/note\"")
    );
    assert!(
        response.contains(r#""id":1,"jsonrpc":"2.0"}"#),
        "{response}"
    );
    assert_eq!(upstream.log().abandoned, 0);
}

#[tokio::test]
async fn an_unknown_method_is_404_and_a_notification_is_202() {
    let upstream = RawUpstream::start(Canned::default()).await.unwrap();
    let post = async |body| {
        Exchange::post(&upstream.url(), "x", body)
            .await
            .read_to_end()
            .await
    };

    let unknown = post(r#"{"id":1,"method":"x"}"#).await;
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    assert!(unknown.contains(r#""code":-32601"#), "{unknown}");
    assert!(post(r#"{"method":"x"}"#).await.starts_with("HTTP/1.1 202 "));
    assert!(post("{").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let never = Answer::never();
    let canned = Canned::vendor(Era::Modern).with("vendor/never", never);
    let upstream = RawUpstream::start(canned).await.unwrap();

    let hang = r#"{"id":1,"method":"tools/call","params":{"name":"vendor_hang"}}"#;
    let mut hanging = Exchange::post(&upstream.url(), "tools/call", hang).await;
    hanging.read_until("never comes").await;
    drop(hanging);
    upstream.wait_for(|log| log.abandoned == 1).await;

    let never = Exchange::post(
        &upstream.url(),
        "vendor/never",
        r#"{"id":2,"method":"vendor/never"}"#,
    )
    .await;
    upstream
        .wait_for(|log| log.of("vendor/never").count() == 1)
        .await;
    drop(never);
    upstream.wait_for(|log| log.abandoned == 2).await;
}

#[tokio::test]
async fn an_emitted_message_reaches_the_open_stream() {
    let upstream = RawUpstream::start(Canned::vendor(Era::Modern))
        .await
        .unwrap();
    let listen = r#"{"id":9,"method":"subscriptions/listen","params":{}}"#;
    let mut stream = Exchange::post(&upstream.url(), "subscriptions/listen", listen).await;
    stream.read_until("acknowledged").await;

    assert_eq!(upstream.emit(vendor::TOOLS_CHANGED), 1);
    let event = stream.read_until("\n\n").await;
    assert!(
        event.contains(r#""io.modelcontextprotocol/subscriptionId":9}"#),
        "{event}"
    );
}

#[tokio::test]
async fn dropping_the_upstream_breaks_off_its_streams() {
    let upstream = RawUpstream::start(Canned::vendor(Era::Modern))
        .await
        .unwrap();
    let listen = r#"{"id":9,"method":"subscriptions/listen","params":{}}"#;
    let mut stream = Exchange::post(&upstream.url(), "subscriptions/listen", listen).await;
    stream.read_until("acknowledged").await;

    drop(upstream);
    let rest = stream.read_to_end().await;
    assert!(!rest.contains("0\r\n\r\n"), "ended in good order: {rest}");
}

#[tokio::test]
async fn a_legacy_upstream_opens_a_session_and_does_not_know_discover() {
    let upstream = RawUpstream::start(Canned::vendor(Era::Legacy))
        .await
        .unwrap();
    let post = async |body| {
        Exchange::post(&upstream.url(), "x", body)
            .await
            .read_to_end()
            .await
    };

    let initialize = post(r#"{"id":1,"method":"initialize"}"#).await;
    assert!(
        initialize.contains("mcp-session-id: raw-session\r\n"),
        "{initialize}"
    );
    assert!(
        post(r#"{"id":1,"method":"server/discover"}"#)
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    assert!(
        !post(r#"{"id":1,"method":"tools/list"}"#)
            .await
            .contains("resultType")
    );
}
