//! An rmcp client's `Peer` at the end of a stack: a host that is a client of another server.

use std::sync::Arc;

use mcpo2_core::{
    ApprovalState, AuthMethod, Body, Call, Endpoint, ErrorKind, Message, Module, Principal,
};
use mcpo2_policy::{Config, PolicyLayer};
use mcpo2_rmcp::PeerService;
use mcpo2_route::{Naming, Registry, RouteLayer, Router};
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use tower::{ServiceBuilder, ServiceExt as _};

/// The other server: here behind a pipe, in earnest behind any of rmcp's transports.
#[derive(Clone)]
struct Clock;

#[tool_router]
impl Clock {
    #[tool(description = "Says the time")]
    async fn now(&self) -> String {
        "noon".into()
    }
}

#[tool_handler]
impl ServerHandler for Clock {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (ours, its) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        if let Ok(server) = Clock.serve(its).await {
            let _ = server.waiting().await;
        }
    });
    let client = ().serve(ours).await?;

    let rules: Config =
        serde_json::from_str(r#"{"rules": [{"id": "now", "effect": "allow", "tools": ["now"]}]}"#)?;
    let clock = Module::builder("clock".parse()?, "engineering".parse()?, Endpoint::new(()))
        .approval(ApprovalState::Approved)
        .build();
    let router = Router::new(Arc::new(Registry::new([clock], Naming::Plain)?));
    let stack = ServiceBuilder::new()
        .layer(PolicyLayer::new(Arc::new(rules.compile()?)))
        .layer(RouteLayer::new(router))
        .service(PeerService::new(client.peer().clone()));

    let reply = stack.clone().oneshot(call("now")?).await?;
    let Body::Complete(answer) = reply.into_body() else {
        return Err("a peer's answer is complete".into());
    };
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    let text = answer.pointer("/result/content/0/text");
    assert_eq!(text.and_then(|text| text.as_str()), Some("noon"));
    println!("{answer}");

    let denied = stack.oneshot(call("stop")?).await;
    assert_eq!(
        denied.err().map(|error| error.kind()),
        Some(ErrorKind::Denied)
    );
    client.cancel().await?;
    Ok(())
}

fn call(tool: &str) -> Result<Call, Box<dyn std::error::Error>> {
    let message = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool },
    });
    let Message::Request(request) = Message::parse(message.to_string())? else {
        return Err("no request".into());
    };
    let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
    Ok(Call::new(request, ada))
}
