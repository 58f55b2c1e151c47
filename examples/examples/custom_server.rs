//! The layers in an axum server of your own, and a real request over HTTP.
//!
//! What `mcpo2-server` adds to this are the rules of Streamable HTTP: headers, sessions, streams.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use mcpo2_classify::ClassifyLayer;
use mcpo2_core::{
    AuthMethod, Body, Call, Error, ErrorKind, Message, Permitted, Principal, Reply,
    message::{error_response, result_response},
};
use mcpo2_policy::PolicyLayer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

type Stack = BoxCloneSyncService<Call, Reply, Error>;

fn stack() -> Result<Stack, Box<dyn std::error::Error>> {
    let classify = ClassifyLayer::new(mcpo2_classify::Config::builtin().compile()?);
    let rules: mcpo2_policy::Config =
        serde_json::from_str(r#"{"rules": [{"id": "add", "effect": "allow", "tools": ["add"]}]}"#)?;
    let service = ServiceBuilder::new()
        .layer(classify)
        .layer(PolicyLayer::new(Arc::new(rules.compile()?)))
        .service_fn(answer);
    Ok(BoxCloneSyncService::new(service))
}

async fn answer(permitted: Permitted) -> Result<Reply, Error> {
    let id = permitted.call().request().id();
    let id = id.ok_or_else(|| Error::new(ErrorKind::InvalidRequest, "nobody waits"))?;
    Ok(Reply::complete(result_response(id, r#"{"content":[]}"#)))
}

/// The edge: bytes become a message, a message a call, and the reply bytes again.
async fn mcp(State(stack): State<Stack>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(principal) = who(&headers) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let request = match Message::parse(body) {
        Ok(Message::Request(request)) => request,
        Ok(Message::Response(_)) => return StatusCode::ACCEPTED.into_response(),
        Err(error) => {
            let code = i64::from(error.code());
            let answer = error_response(error.id(), code, &error.to_string(), None);
            return json(StatusCode::BAD_REQUEST, answer);
        }
    };
    let id = request.id().cloned();
    match stack.oneshot(Call::new(request, principal)).await {
        Ok(reply) => match reply.into_body() {
            Body::Complete(message) => json(StatusCode::OK, message),
            Body::Empty => StatusCode::ACCEPTED.into_response(),
            Body::Stream(_) => StatusCode::NOT_IMPLEMENTED.into_response(),
        },
        // The text is fit for callers; the error's source is not, and stays here.
        Err(error) => json(
            StatusCode::OK,
            error_response(id.as_ref(), -32602, &error.to_string(), None),
        ),
    }
}

/// Who calls is for the host to establish, here by a table of one token.
fn who(headers: &HeaderMap) -> Option<Principal> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (tenant, id) = ("acme".parse().ok()?, "ada".parse().ok()?);
    (token == "Bearer opensesame").then(|| Principal::new(tenant, id, AuthMethod::Host))
}

fn json(status: StatusCode, body: Bytes) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new().route("/mcp", post(mcp)).with_state(stack()?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let call = |name: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#)
    };
    let bearer = "Authorization: Bearer opensesame\r\n";
    for (headers, body, expected) in [
        (
            bearer,
            call("add"),
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#,
        ),
        (bearer, call("drop"), "Unknown tool: drop"),
        (bearer, r#"{"id":1,"id":2}"#.into(), "duplicate key"),
        ("", call("add"), "401 Unauthorized"),
    ] {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        connection.read_to_string(&mut response).await?;
        assert!(response.contains(expected), "{response}");
        println!("{}", response.lines().last().unwrap_or_default());
    }
    Ok(())
}
