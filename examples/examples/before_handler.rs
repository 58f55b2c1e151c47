//! Policy and audit before an rmcp `ServerHandler`, called by an rmcp client.

use std::sync::Arc;

use mcpo2_audit::{AuditLayer, Ledger, Options, tail};
use mcpo2_core::{ApprovalState, AuthMethod, Endpoint, Module, Principal};
use mcpo2_policy::{Config, PolicyLayer};
use mcpo2_rmcp::{Governed, HandlerService};
use mcpo2_route::{Naming, Registry, RouteLayer, Router};
use rmcp::{
    ServerHandler, ServiceExt,
    model::{CallToolRequestParams, Extensions},
    tool, tool_handler, tool_router,
};
use tower::ServiceBuilder;

/// A server as rmcp's own examples have it; it knows nothing of us.
#[derive(Clone)]
struct Door;

#[tool_router]
impl Door {
    #[tool(description = "Opens the door")]
    async fn open(&self) -> String {
        "it is open".into()
    }

    #[tool(description = "Takes the door off its hinges")]
    async fn remove(&self) -> String {
        "it is gone".into()
    }
}

#[tool_handler]
impl ServerHandler for Door {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let ledger = Ledger::open(dir.path(), Options::default())?;
    let rules: Config = serde_json::from_str(
        r#"{"rules": [{"id": "open", "effect": "allow", "tools": ["open"]}]}"#,
    )?;
    // The one module there is: the handler below.
    let door = Module::builder("door".parse()?, "engineering".parse()?, Endpoint::new(()))
        .approval(ApprovalState::Approved)
        .build();
    let router = Router::new(Arc::new(Registry::new([door], Naming::Plain)?));

    let stack = ServiceBuilder::new()
        .layer(AuditLayer::new(ledger.clone()))
        .layer(PolicyLayer::new(Arc::new(rules.compile()?)))
        .layer(RouteLayer::new(router))
        .service(HandlerService::new(Door));
    let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
    let server = Governed::new(stack, Door.get_info(), move |_: &Extensions| {
        Some(ada.clone())
    });

    let (ours, its) = tokio::io::duplex(4096);
    let serving =
        tokio::spawn(async move { server.serve(its).await?.waiting().await.map_err(Into::into) });
    let client = ().serve(ours).await?;

    let tools = client.list_all_tools().await?;
    let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["open"]);
    let answer = client.call_tool(CallToolRequestParams::new("open")).await?;
    let text = answer.content.first().and_then(|content| content.as_text());
    assert_eq!(text.map(|text| &*text.text), Some("it is open"));
    let denied = client.call_tool(CallToolRequestParams::new("remove")).await;
    let denied = denied
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(denied.contains("Unknown tool: remove"), "{denied}");

    client.cancel().await?;
    serving
        .await?
        .map_err(|error: Box<dyn std::error::Error + Send + Sync>| error.to_string())?;
    ledger.close()?;
    for entry in tail(dir.path(), 3)? {
        println!("{}", serde_json::to_string(&entry.record)?);
    }
    Ok(())
}
