//! A handler that does a bit of everything, and a stack of dummy layers above it.

use std::{convert::Infallible, sync::Arc};

use mcpo2_core::{
    AuthMethod, Call, Decision, Denial, Error, ErrorKind, Item, Message, Obligations, Principal,
    Reply, Request, Routed, Target,
};
use mcpo2_rmcp::Governed;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, Extensions, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig,
        SubscriptionFilter, Tool,
    },
    service::{RequestContext, SubscriptionContext},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn, util::BoxCloneSyncService};

pub(crate) type Stack = BoxCloneSyncService<Call, Reply, Error>;

/// What the client may call. `secret` is denied, and anything else unknown.
pub(crate) const KNOWN: [&str; 6] = ["echo", "progress", "forever", "fail", "roots", "secret"];

/// Tells when a call that never ends has begun, and when it was dropped.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) events: mpsc::UnboundedSender<&'static str>,
}

impl Handler {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<&'static str>) {
        let (events, seen) = mpsc::unbounded_channel();
        (Self { events }, seen)
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        info()
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        context.sink().notify_tool_list_changed().await.unwrap();
        context.cancelled().await;
        Ok(())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = KNOWN.map(|name| Tool::new(name, name, Arc::new(Default::default())));
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match &*request.name {
            "progress" => {
                for step in [1.0, 2.0] {
                    report(&context, step).await;
                }
                Ok(text("done"))
            }
            "forever" => {
                let _dropped = Dropped(self.events.clone());
                self.events.send("begun").unwrap();
                report(&context, 0.5).await;
                context.ct.cancelled().await;
                self.events.send("told").unwrap();
                std::future::pending::<Infallible>().await;
                unreachable!()
            }
            "roots" => {
                let roots = context.peer.list_roots().await;
                Ok(text(&format!(
                    "{:?}",
                    roots.map(|roots| roots.roots.len()).ok()
                )))
            }
            "fail" => Err(ErrorData::invalid_params("no", Some(json!({ "why": 7 })))),
            name => Ok(text(
                &json!({ "name": name, "arguments": request.arguments, "meta": context.meta })
                    .to_string(),
            )),
        }
    }
}

async fn report(context: &RequestContext<RoleServer>, step: f64) {
    if let Some(token) = context.meta.get_progress_token() {
        let progress = ProgressNotificationParam::new(token, step);
        context.peer.notify_progress(progress).await.unwrap();
    }
}

fn text(text: &str) -> CallToolResponse {
    CallToolResult::success(vec![rmcp::model::ContentBlock::text(text)]).into()
}

struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

pub(crate) fn ada() -> Principal {
    Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    )
}

/// A policy that denies `secret`, and a router that knows [`KNOWN`], above this leaf.
pub(crate) fn stack<L>(leaf: L) -> Stack
where
    L: Service<Routed, Response = Reply, Error = Error> + Clone + Send + Sync + 'static,
    L::Future: Send,
{
    BoxCloneSyncService::new(service_fn(move |call: Call| {
        let leaf = leaf.clone();
        async move {
            let name = call.item().map(Item::name);
            let decision = match name {
                Some("secret") => Decision::Deny(Denial::new(vec![], "it is secret")),
                _ => Decision::Allow(Obligations::default()),
            };
            let permitted = call.decide(decision)?;
            let request = permitted.call().request();
            if request
                .item()
                .is_some_and(|item| !KNOWN.contains(&item.name()))
            {
                return Err(Error::not_found(ErrorKind::NotFound, request));
            }
            leaf.oneshot(permitted.route(Target::gateway())).await
        }
    }))
}

fn info() -> ServerConfig {
    let capabilities = ServerCapabilities::builder()
        .enable_tools()
        .enable_tool_list_changed();
    ServerConfig::new(capabilities.build())
}

/// The stack as a server of which everybody is Ada.
pub(crate) fn governed(stack: Stack) -> Governed<Stack> {
    Governed::new(stack, info(), |_: &Extensions| Some(ada()))
}

pub(crate) fn request(message: Value) -> Request {
    match Message::parse(message.to_string()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

pub(crate) fn routed(message: Value) -> Routed {
    let call = Call::new(request(message), ada());
    let permitted = call
        .decide(Decision::Allow(Obligations::default()))
        .unwrap();
    permitted.route(Target::gateway())
}

pub(crate) fn tool_call(name: &str) -> Value {
    json!({
        "jsonrpc": "2.0", "id": "a", "method": "tools/call",
        "params": { "name": name, "_meta": { "progressToken": "t" } },
    })
}
