//! A real rmcp client against a stack of layers in front of an rmcp handler.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    deprecated,
    reason = "a failed test may panic, the tests share more than each uses, and roots are still there"
)]

mod common;

use mcpo2_core::{Call, Error, ErrorKind};
use mcpo2_rmcp::{Governed, HandlerService};
use rmcp::{
    ClientHandler, RoleClient, ServerHandler, ServiceError, ServiceExt,
    model::{
        CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientConfig, ClientRequest,
        ErrorData, Extensions, Implementation, ListRootsResult, ProgressNotificationParam,
        ProtocolVersion, RequestMetaObject, RequestParamsMeta, Root, ServerNotification,
        SubscriptionFilter,
    },
    service::{
        ClientLifecycleMode, ClientServiceExt as _, NotificationContext, PeerRequestOptions,
        RequestContext, RunningService,
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use self::common::{Handler, Stack, governed, stack};

type Client = RunningService<RoleClient, Caller>;

/// A client that notes progress and has one root.
struct Caller {
    progress: mpsc::UnboundedSender<f64>,
}

impl ClientHandler for Caller {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_roots().build();
        ClientConfig::new(capabilities, Implementation::new("caller", "1"))
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.progress.send(progress.progress).unwrap();
    }

    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![Root::new("file:///home")]))
    }
}

async fn connect(server: impl ServerHandler) -> (Client, mpsc::UnboundedReceiver<f64>) {
    let (ours, its) = tokio::io::duplex(4096);
    tokio::spawn(async move { server.serve(its).await.unwrap().waiting().await });
    let (progress, seen) = mpsc::unbounded_channel();
    (Caller { progress }.serve(ours).await.unwrap(), seen)
}

async fn connect_stateless(server: impl ServerHandler) -> (Client, mpsc::UnboundedReceiver<f64>) {
    let (ours, its) = tokio::io::duplex(4096);
    tokio::spawn(async move { server.serve(its).await.unwrap().waiting().await });
    let (progress, seen) = mpsc::unbounded_channel();
    let lifecycle = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    let client = Caller { progress }.serve_with_lifecycle(ours, lifecycle);
    (client.await.unwrap(), seen)
}

fn everything() -> (Governed<Stack>, mpsc::UnboundedReceiver<&'static str>) {
    let (handler, events) = Handler::new();
    (governed(stack(HandlerService::new(handler))), events)
}

fn call(name: &'static str) -> CallToolRequestParams {
    CallToolRequestParams::new(name)
}

async fn error_of(client: &Client, name: &'static str) -> ErrorData {
    match client.call_tool(call(name)).await.unwrap_err() {
        ServiceError::McpError(error) => error,
        other => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn a_client_lists_and_calls_through_the_stack() {
    let (server, _events) = everything();
    let (client, _) = connect(server).await;
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), common::KNOWN.len());
    assert_eq!(tools[0].name, "echo");

    let arguments = json!({ "b": 1, "a": [null, { "é": 18446744073709551615_u64 }] });
    let mut params = call("echo").with_arguments(arguments.as_object().unwrap().clone());
    let mut meta = RequestMetaObject::new();
    meta.insert("io.example/vendor".into(), json!({ "x": true }));
    params.set_meta(meta);
    let result = client.call_tool(params).await.unwrap();
    let seen: Value = serde_json::from_str(&result.content[0].as_text().unwrap().text).unwrap();
    assert_eq!(seen["name"], "echo");
    assert_eq!(seen["arguments"], arguments);
    assert_eq!(seen["meta"]["io.example/vendor"], json!({ "x": true }));
}

#[tokio::test]
async fn what_is_denied_looks_as_what_is_unknown() {
    let (server, _events) = everything();
    let (client, _) = connect(server).await;
    let denied = error_of(&client, "secret").await;
    let unknown = error_of(&client, "nobody").await;
    assert_eq!(denied.message.replace("secret", "nobody"), unknown.message);
    assert_eq!((denied.code, denied.data), (unknown.code, unknown.data));
    assert_eq!(unknown.code.0, -32602);
}

#[tokio::test]
async fn an_error_of_the_handler_passes_as_it_is() {
    let (server, _events) = everything();
    let (client, _) = connect(server).await;
    let error = error_of(&client, "fail").await;
    assert_eq!(
        error,
        ErrorData::invalid_params("no", Some(json!({ "why": 7 })))
    );
}

#[tokio::test]
async fn progress_reaches_the_client_in_order() {
    let (server, _events) = everything();
    let (client, mut progress) = connect(server).await;
    client.call_tool(call("progress")).await.unwrap();
    assert_eq!(progress.recv().await, Some(1.0));
    assert_eq!(progress.recv().await, Some(2.0));
}

#[tokio::test]
async fn a_handler_can_ask_the_client() {
    let (server, _events) = everything();
    let (client, _) = connect(server).await;
    let result = client.call_tool(call("roots")).await.unwrap();
    assert_eq!(result.content[0].as_text().unwrap().text, "Some(1)");
}

#[tokio::test]
async fn a_call_that_the_client_cancels_is_dropped() {
    let (server, mut events) = everything();
    let (client, mut progress) = connect(server).await;
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(call("forever")));
    let options = PeerRequestOptions::no_options();
    let handle = client
        .send_cancellable_request(request, options)
        .await
        .unwrap();
    assert_eq!(events.recv().await, Some("begun"));
    assert_eq!(progress.recv().await, Some(0.5));
    handle.cancel(None).await.unwrap();
    assert_eq!(events.recv().await, Some("dropped"));
}

// rmcp gives a handler five seconds to answer a client that is gone; paused, they pass at once.
#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_cancels_its_calls() {
    let (server, mut events) = everything();
    let (client, _progress) = connect(server).await;
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(call("forever")));
    let options = PeerRequestOptions::no_options();
    let _handle = client
        .send_cancellable_request(request, options)
        .await
        .unwrap();
    assert_eq!(events.recv().await, Some("begun"));
    client.cancel().await.unwrap();
    assert_eq!(events.recv().await, Some("dropped"));
}

#[tokio::test]
async fn nobody_is_answered_who_is_not_known() {
    let (handler, _events) = Handler::new();
    let stack = stack(HandlerService::new(handler));
    let info = governed(stack.clone()).get_info();
    let server = Governed::new(stack, info, |_: &Extensions| None);
    let (ours, its) = tokio::io::duplex(4096);
    let served = tokio::spawn(async move { server.serve(its).await.map(drop) });
    let (progress, _seen) = mpsc::unbounded_channel();
    assert!(Caller { progress }.serve(ours).await.is_err());
    assert!(served.await.unwrap().is_err());
}

#[tokio::test]
async fn a_fault_of_the_gateway_shows_its_message_and_not_its_source() {
    let stack = Stack::new(tower::service_fn(|call: mcpo2_core::Call| async move {
        match call.item() {
            Some(_) => Err(
                Error::new(ErrorKind::Unavailable, "the module is not available")
                    .with_source("connection refused by 10.0.0.7:443"),
            ),
            None => {
                let id = call.request().id().cloned().unwrap();
                let info = json!({
                    "protocolVersion": "2025-11-25", "capabilities": {},
                    "serverInfo": { "name": "x", "version": "1" },
                });
                let message = mcpo2_core::message::result_response(&id, &info.to_string());
                Ok(mcpo2_core::Reply::complete(message))
            }
        }
    }));
    let (client, _) = connect(governed(stack)).await;
    let error = error_of(&client, "echo").await;
    assert_eq!(
        (error.code.0, &*error.message),
        (-32603, "the module is not available")
    );
    assert_eq!(error.data, None);
}

#[tokio::test]
async fn a_stateless_client_is_governed_as_well() {
    let (server, _events) = everything();
    let (client, mut progress) = connect_stateless(server).await;
    client.call_tool(call("progress")).await.unwrap();
    assert_eq!(progress.recv().await, Some(1.0));
    let denied = error_of(&client, "secret").await;
    let unknown = error_of(&client, "nobody").await;
    assert_eq!(denied.message.replace("secret", "nobody"), unknown.message);
    // It may not be asked: the handler is told so.
    let result = client.call_tool(call("roots")).await.unwrap();
    assert_eq!(result.content[0].as_text().unwrap().text, "None");
}

#[tokio::test]
async fn the_layers_know_the_revision_that_the_client_speaks() {
    let (seen, mut versions) = mpsc::unbounded_channel();
    let (handler, _events) = Handler::new();
    let inner = stack(HandlerService::new(handler));
    let noting = Stack::new(tower::service_fn(move |call: mcpo2_core::Call| {
        seen.send((call.method().clone(), call.version())).unwrap();
        tower::ServiceExt::oneshot(inner.clone(), call)
    }));
    let (client, _) = connect(governed(noting.clone())).await;
    client.call_tool(call("echo")).await.unwrap();
    let (client, _) = connect_stateless(governed(noting)).await;
    client.call_tool(call("echo")).await.unwrap();
    let mut calls = Vec::new();
    while let Ok((method, version)) = versions.try_recv() {
        if method == mcpo2_core::Method::ToolsCall {
            calls.push(version.as_str());
        }
    }
    assert_eq!(calls, ["2025-11-25", "2026-07-28"]);
}

#[tokio::test]
async fn a_subscription_runs_through_the_stack() {
    let (server, _events) = everything();
    let (client, _) = connect_stateless(server).await;
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut subscription = client.listen(filter).await.unwrap();
    let heard = subscription.next().await.unwrap();
    assert!(matches!(
        heard,
        Some(ServerNotification::ToolListChangedNotification(_))
    ));
}

#[tokio::test]
async fn a_session_has_a_revision_with_sessions_whatever_its_client_asks_for() {
    let (handler, _events) = Handler::new();
    let below = stack(HandlerService::new(handler));
    let (said, mut versions) = mpsc::unbounded_channel();
    let watched = Stack::new(tower::service_fn(move |call: Call| {
        said.send(call.version()).unwrap();
        below.clone().oneshot(call)
    }));
    let asks = ClientConfig::new(ClientCapabilities::default(), Implementation::new("c", "1"))
        .with_protocol_version(ProtocolVersion::V_2026_07_28);
    let (ours, its) = tokio::io::duplex(4096);
    let server = governed(watched);
    tokio::spawn(async move { server.serve(its).await.unwrap().waiting().await });
    let client = asks.serve(ours).await.unwrap();
    let answer = client.call_tool(CallToolRequestParams::new("echo")).await;
    assert!(answer.is_ok());
    while let Ok(version) = versions.try_recv() {
        assert_eq!(version, mcpo2_core::ProtocolVersion::V2025_11_25);
    }
}
