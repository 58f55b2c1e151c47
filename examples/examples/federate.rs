//! Two modules behind one stack: names that tell them apart, one list, and routes that explain
//! themselves.

use std::{sync::Arc, time::Duration};

use mcpo2_core::{
    ApprovalState, AuthMethod, Body, Call, Error, Fact, Message, Module, Principal,
    ProtocolVersion, Reply,
};
use mcpo2_policy::{Policy, PolicyLayer};
use mcpo2_rmcp::{InProcess, spawn};
use mcpo2_route::{
    Catalog, CatalogLayer, Connection, Dispatch, Gateway, Naming, Registry, RouteLayer, Router,
    upstream::{ClientInfo, Limits, line::PipeUpstream},
};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

#[derive(Clone)]
struct Greeter(&'static str);

#[tool_router]
impl Greeter {
    #[tool(description = "Greets")]
    async fn greet(&self) -> String {
        format!("{}!", self.0)
    }
}

#[tool_handler]
impl ServerHandler for Greeter {}

/// A module in this process. Over HTTP, or as a child process, only the upstream is another.
fn module(id: &str, says: &'static str) -> Result<Arc<Module>, Box<dyn std::error::Error>> {
    let limits = Limits::default();
    let upstream = PipeUpstream::new(ClientInfo::default(), limits.clone(), move || {
        let InProcess {
            reader,
            writer,
            guard,
        } = spawn(Greeter(says));
        Ok((reader, writer, guard))
    });
    let endpoint = Connection::new(upstream, &limits).into_endpoint();
    Ok(
        Module::builder(id.parse()?, "engineering".parse()?, endpoint)
            .approval(ApprovalState::Approved)
            .build(),
    )
}

fn stack() -> Result<BoxCloneSyncService<Call, Reply, Error>, Box<dyn std::error::Error>> {
    let modules = [module("oslo", "hei")?, module("paris", "salut")?];
    let registry = Arc::new(Registry::new(modules, Naming::Prefixed)?);
    let ours = ClientInfo::new("federate", "1");
    let keep = Duration::from_secs(60);
    let catalog = Arc::new(Catalog::new(Arc::clone(&registry), ours.clone(), keep));
    let service = ServiceBuilder::new()
        .layer(CatalogLayer::new(Arc::clone(&catalog)))
        .layer(PolicyLayer::new(Arc::new(Policy::allow_all())).with_directory(catalog.clone()))
        .layer(RouteLayer::new(Router::over(&catalog)))
        .service(Dispatch::new(Arc::new(Gateway::new(registry, ours))));
    Ok(BoxCloneSyncService::new(service))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stack = stack()?;

    let list = answer(&stack, &call("tools/list", "{}")?).await?;
    assert!(list.contains(r#""name":"oslo__greet""#) && list.contains(r#""name":"paris__greet""#));
    println!("{list}");

    let greet = call("tools/call", r#"{"name":"paris__greet"}"#)?;
    assert!(answer(&stack, &greet).await?.contains("salut!"));
    for fact in greet.trail().facts() {
        if let Fact::Routed(routing) = fact {
            assert_eq!(routing.item.as_deref(), Some("greet"));
            println!("{}", serde_json::to_string(&routing)?);
        }
    }

    // What the catalog knows not to be there is not found, and nobody was asked.
    let missing = call("tools/call", r#"{"name":"paris__leave"}"#)?;
    let error = answer(&stack, &missing).await.err();
    let error = error.map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("Unknown tool: paris__leave"));
    Ok(())
}

async fn answer(
    stack: &BoxCloneSyncService<Call, Reply, Error>,
    call: &Call,
) -> Result<String, Box<dyn std::error::Error>> {
    let reply = stack.clone().oneshot(call.clone()).await?;
    match reply.into_body() {
        Body::Complete(message) => Ok(String::from_utf8(message.to_vec())?),
        Body::Stream(_) | Body::Empty => Err("no complete answer".into()),
    }
}

fn call(method: &str, params: &str) -> Result<Call, Box<dyn std::error::Error>> {
    let bytes = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let Message::Request(request) = Message::parse(bytes)? else {
        return Err("no request".into());
    };
    let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
    // The modules speak the stateless revision, in which each request says so. This caller does
    // not, and what stands between the two is the stack's to say.
    Ok(Call::new(request, ada).with_version(ProtocolVersion::LATEST_SESSION))
}
