//! What a catalog knows, and what becomes of it when modules fail.
#![cfg(feature = "upstream")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod common;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::*;
use futures_util::StreamExt as _;
use mcpo2_core::{
    ApprovalState, Body, Call, Directory, Error, ErrorKind, Item, ItemKind, Module, Permitted,
    ProtocolVersion, Reply,
};
use mcpo2_route::{
    Catalog, CatalogLayer, CatalogOptions, Change, Connection, Dispatch, Gateway, Inventory,
    Naming, News, Presence, Registry, RouteLayer, Router,
    upstream::{ClientInfo, Limits, line::PipeUpstream},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    sync::watch,
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// How long a module may take in a test that is not about that.
const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A module written by hand: what it lists, by method, page after page.
#[derive(Clone)]
struct Script {
    lists: Arc<BTreeMap<&'static str, Vec<Value>>>,
    asked: Arc<Mutex<Vec<String>>>,
    starts: Arc<AtomicBool>,
    answers: watch::Sender<Answers>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answers {
    Yes,
    NotYet,
    /// It hangs up when it is asked for a list.
    HangsUp,
}

impl Script {
    fn new(lists: impl IntoIterator<Item = (&'static str, Vec<Value>)>) -> Self {
        Self {
            lists: Arc::new(lists.into_iter().collect()),
            asked: Arc::default(),
            starts: Arc::new(AtomicBool::new(true)),
            answers: watch::Sender::new(Answers::Yes),
        }
    }

    fn tools(names: &[&str]) -> Self {
        Self::new([("tools/list", vec![tools(names)])])
    }

    fn module(&self, id: &str) -> Arc<Module> {
        let script = self.clone();
        let limits = Limits::default();
        let upstream = PipeUpstream::new(ClientInfo::default(), limits.clone(), move || {
            if !script.starts.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let (ours, theirs) = tokio::io::duplex(4096);
            let serving = tokio::spawn(script.clone().serve(theirs));
            let (reader, writer) = tokio::io::split(ours);
            Ok((reader, writer, serving))
        });
        let endpoint = Connection::new(upstream, &limits).into_endpoint();
        let (id, family) = (id.parse().unwrap(), "engineering".parse().unwrap());
        Module::builder(id, family, endpoint)
            .approval(ApprovalState::Approved)
            .build()
    }

    async fn serve(self, pipe: DuplexStream) {
        let mut lines = BufReader::new(pipe);
        let mut line = String::new();
        while matches!(lines.read_line(&mut line).await, Ok(1..)) {
            let message: Value = serde_json::from_str(&line).unwrap();
            line.clear();
            let method = message["method"].as_str().unwrap();
            if message.get("id").is_none() {
                continue;
            }
            if method.ends_with("/list") {
                self.asked.lock().unwrap().push(method.to_owned());
                let mut answers = self.answers.subscribe();
                let state = *answers.wait_for(|a| *a != Answers::NotYet).await.unwrap();
                if state == Answers::HangsUp {
                    return;
                }
            }
            let mut answer = self.answer(method, &message["params"]);
            answer["jsonrpc"] = "2.0".into();
            answer["id"] = message["id"].clone();
            let bytes = format!("{answer}\n");
            lines.write_all(bytes.as_bytes()).await.unwrap();
        }
    }

    fn answer(&self, method: &str, params: &Value) -> Value {
        let page = params["cursor"]
            .as_str()
            .map_or(0, |at| at.parse().unwrap());
        match (method, self.lists.get(method)) {
            ("server/discover", _) => json!({ "result": {
                "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
            }}),
            (_, Some(pages)) => {
                let mut result: Value = pages[page].clone();
                if page + 1 < pages.len() {
                    result["nextCursor"] = (page + 1).to_string().into();
                }
                json!({ "result": result })
            }
            ("tools/call", _) => json!({ "result": { "content": [] } }),
            _ => json!({ "error": { "code": -32601, "message": "Method not found" } }),
        }
    }

    fn asked(&self, method: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| *one == method).count()
    }

    async fn was_asked(&self) {
        until(|| !self.asked.lock().unwrap().is_empty()).await;
    }
}

/// Waits for something, but not for ever.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

fn tools(names: &[&str]) -> Value {
    let tools: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
    json!({ "tools": tools })
}

fn registry(modules: &[Arc<Module>]) -> Arc<Registry> {
    Arc::new(Registry::new(modules.to_vec(), Naming::Prefixed).unwrap())
}

fn catalog(modules: &[Arc<Module>], keep: Duration) -> Arc<Catalog> {
    let options = CatalogOptions::new().keep(keep).deadline(PATIENCE);
    let ours = ClientInfo::default();
    Arc::new(Catalog::with_options(registry(modules), ours, options))
}

fn has(catalog: &Catalog, module: &str, tool: &str) -> Option<bool> {
    let item = Item::new(ItemKind::Tool, tool);
    catalog.has(&module.parse().unwrap(), &item)
}

fn owner(catalog: &Catalog, uri: &str) -> Option<String> {
    let owner = catalog.owner(&Item::new(ItemKind::Resource, uri));
    owner.map(|owner| owner.to_string())
}

#[tokio::test]
async fn what_a_module_lists_on_any_page_is_known() {
    let script = Script::new([("tools/list", vec![tools(&["a"]), tools(&["b"])])]);
    let catalog = catalog(&[script.module("m")], HOUR);
    assert_eq!(has(&catalog, "m", "a"), None);
    catalog.refresh().await;
    assert_eq!(has(&catalog, "m", "a"), Some(true));
    assert_eq!(has(&catalog, "m", "b"), Some(true));
    assert_eq!(has(&catalog, "m", "c"), Some(false));
    assert_eq!(has(&catalog, "other", "a"), None);
    let task = Item::new(ItemKind::Task, "7");
    assert_eq!(catalog.has(&"m".parse().unwrap(), &task), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_waited_for_modules_sees_what_all_of_them_have() {
    for _ in 0..200 {
        let module = |id: &str| {
            let listed = json!({ "resources": [{ "uri": format!("{id}:1"), "name": "one" }] });
            Script::new([("resources/list", vec![listed])]).module(id)
        };
        let catalog = catalog(&["a", "b", "c"].map(module), HOUR);
        catalog.refresh().await;
        for id in ["a", "b", "c"] {
            assert_eq!(owner(&catalog, &format!("{id}:1")).as_deref(), Some(id));
        }
    }
}

#[tokio::test]
async fn a_dead_module_does_not_hide_others() {
    let (dead, alive) = (Script::tools(&["a"]), Script::tools(&["a"]));
    dead.starts.store(false, Ordering::SeqCst);
    let modules = [dead.module("dead"), alive.module("live")];
    let catalog = catalog(&modules, HOUR);
    catalog.refresh().await;
    assert_eq!(has(&catalog, "live", "a"), Some(true));
    assert_eq!(has(&catalog, "live", "b"), Some(false));
    // Nobody could look, so its name alone decides, and the answer is that it is not available.
    assert_eq!(has(&catalog, "dead", "a"), None);
    let stack = stack(&modules, &catalog);
    let error = stack.clone().oneshot(tool("dead__a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(stack.clone().oneshot(tool("live__a")).await.is_ok());
    let list = stack.oneshot(call("tools/list", "{}")).await.unwrap();
    assert_eq!(
        complete(list),
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"live__a"}]}}"#
    );
}

#[tokio::test]
async fn where_no_module_answers_a_list_is_empty() {
    let dead = Script::tools(&["a"]);
    dead.starts.store(false, Ordering::SeqCst);
    let modules = [dead.module("dead")];
    let catalog = catalog(&modules, HOUR);
    let stack = stack(&modules, &catalog);
    for method in ["tools/list", "resources/list"] {
        let list = stack.clone().oneshot(call(method, "{}")).await.unwrap();
        let list = complete(list);
        assert!(list.ends_with("\":[]}}"), "{list}");
    }
}

#[tokio::test]
async fn a_module_that_fails_while_it_is_read_has_not_lost_its_tools() {
    let script = Script::tools(&["a"]);
    script.answers.send_replace(Answers::HangsUp);
    let fresh = catalog(&[script.module("m")], HOUR);
    fresh.refresh().await;
    assert_eq!(has(&fresh, "m", "a"), None);

    script.answers.send_replace(Answers::Yes);
    let known = catalog(&[script.module("m")], Duration::ZERO);
    known.refresh().await;
    assert_eq!(has(&known, "m", "a"), Some(true));
    script.answers.send_replace(Answers::HangsUp);
    known.refresh().await;
    until(|| known.presence()[0].1 == Presence::Stale).await;
    assert_eq!(has(&known, "m", "a"), Some(true));
    assert_eq!(has(&known, "m", "b"), Some(false));
}

#[tokio::test]
async fn a_crowd_reads_a_module_once() {
    let script = Script::tools(&["a"]);
    let catalog = catalog(&[script.module("m")], HOUR);
    script.answers.send_replace(Answers::NotYet);
    let crowd: Vec<_> = (0..20)
        .map(|_| {
            let catalog = Arc::clone(&catalog);
            tokio::spawn(async move {
                catalog.refresh().await;
                assert_eq!(has(&catalog, "m", "a"), Some(true));
            })
        })
        .collect();
    script.was_asked().await;
    script.answers.send_replace(Answers::Yes);
    for one in crowd {
        one.await.unwrap();
    }
    catalog.refresh().await;
    for method in ["tools/list", "prompts/list", "resources/list"] {
        assert_eq!(script.asked(method), 1, "{method}");
    }
}

#[tokio::test]
async fn what_is_old_is_read_again_and_nobody_waits_for_it() {
    let script = Script::tools(&["a"]);
    let catalog = catalog(&[script.module("m")], Duration::ZERO);
    catalog.refresh().await;
    assert_eq!(script.asked("tools/list"), 1);
    script.answers.send_replace(Answers::NotYet);
    catalog.refresh().await;
    until(|| script.asked("tools/list") == 2).await;
    // Somebody reads already, and what is known is good enough meanwhile.
    catalog.refresh().await;
    assert_eq!(has(&catalog, "m", "a"), Some(true));
    assert_eq!(script.asked("tools/list"), 2);
    script.answers.send_replace(Answers::Yes);
    until(|| {
        drop(tokio::spawn({
            let catalog = Arc::clone(&catalog);
            async move { catalog.refresh().await }
        }));
        script.asked("tools/list") > 2
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_and_goes_away_stops_nobody_else() {
    let script = Script::tools(&["a"]);
    let catalog = catalog(&[script.module("m")], HOUR);
    script.answers.send_replace(Answers::NotYet);
    let first = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.refresh().await }
    });
    script.was_asked().await;
    let second = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move { catalog.refresh().await }
    });
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    script.answers.send_replace(Answers::Yes);
    second.await.unwrap();
    assert_eq!(has(&catalog, "m", "a"), Some(true));
}

#[tokio::test]
async fn a_resource_is_whose_list_or_template_has_it() {
    let files = Script::new([
        (
            "resources/list",
            vec![json!({ "resources": [{ "uri": "note:1" }] })],
        ),
        (
            "resources/templates/list",
            vec![json!({ "resourceTemplates": [
                { "uriTemplate": "file:///{+path}" }, { "uriTemplate": "user:{id}/name" },
            ]})],
        ),
    ]);
    let mail = Script::new([(
        "resources/list",
        vec![json!({ "resources": [{ "uri": "note:1" }, { "uri": "mail:1" }] })],
    )]);
    // Registered the other way round: the first by id wins.
    let catalog = catalog(&[mail.module("mail"), files.module("files")], HOUR);
    assert_eq!(owner(&catalog, "mail:1"), None);
    catalog.refresh().await;
    assert_eq!(owner(&catalog, "note:1").as_deref(), Some("files"));
    assert_eq!(owner(&catalog, "mail:1").as_deref(), Some("mail"));
    assert_eq!(owner(&catalog, "file:///a/b").as_deref(), Some("files"));
    assert_eq!(owner(&catalog, "user:7/name").as_deref(), Some("files"));
    assert_eq!(owner(&catalog, "user:7/8/name"), None);
    assert_eq!(owner(&catalog, "mail:2"), None);

    let template = Item::new(ItemKind::Template, "user:{id}/name");
    assert_eq!(catalog.owner(&template).unwrap().as_str(), "files");
    let facts = catalog.describe(&Item::new(ItemKind::Resource, "file:///a"));
    assert_eq!(facts.unwrap().module().as_str(), "files");
    let router = Router::over(&catalog);
    let target = router.plan(&resource("mail:1")).target.unwrap();
    assert_eq!(target.facts().unwrap().module().as_str(), "mail");
    let error = router.plan(&resource("mail:2")).target.unwrap_err();
    assert_eq!(error.to_string(), "Resource not found");
}

#[tokio::test]
async fn the_host_learns_once_that_a_module_is_gone_and_once_that_it_is_back() {
    let script = Script::tools(&["a"]);
    script.starts.store(false, Ordering::SeqCst);
    let news = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&news);
    let options = CatalogOptions::new().keep(HOUR).deadline(PATIENCE);
    let options = options.observer(move |id, news| {
        if let News::Presence(presence) = news {
            heard.lock().unwrap().push((id.to_string(), presence));
        }
    });
    let registry = registry(&[script.module("m")]);
    let catalog = Catalog::with_options(registry, ClientInfo::default(), options);
    catalog.refresh().await;
    script.starts.store(true, Ordering::SeqCst);
    while catalog.presence()[0].1 != Presence::Present {
        // It is asked again after a while, and nobody waits for that.
        catalog.refresh().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until(|| news.lock().unwrap().len() == 2).await;
    let heard = ["Missing", "Present"].map(|state| format!("m {state}"));
    let news = news.lock().unwrap();
    let told: Vec<_> = news
        .iter()
        .map(|(id, presence)| format!("{id} {presence:?}"))
        .collect();
    assert_eq!(told, heard);
}

#[tokio::test]
async fn what_the_host_changes_is_told_to_who_listens() {
    let modules = [Script::tools(&["a"]).module("m")];
    let catalog = catalog(&modules, HOUR);
    let gateway = Gateway::new(registry(&modules), ClientInfo::default());
    let gateway = gateway.with_catalog(Arc::clone(&catalog));
    let stack = ServiceBuilder::new()
        .map_request(permitted as fn(Call) -> Permitted)
        .layer(RouteLayer::new(Router::over(&catalog)))
        .service(Dispatch::new(Arc::new(gateway)));
    let filter = r#"{"notifications":{"promptsListChanged":true}}"#;
    let listen = call("subscriptions/listen", filter).with_version(ProtocolVersion::LATEST);
    let Body::Stream(mut told) = stack.oneshot(listen).await.unwrap().into_body() else {
        panic!("no stream");
    };
    let acknowledged = told.next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(acknowledged.data()).contains("acknowledged"));
    catalog.changed(&Change::ALL);
    let change = told.next().await.unwrap().unwrap();
    assert_eq!(
        change.data(),
        r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#
    );
}

#[tokio::test]
async fn a_module_that_is_not_approved_is_never_asked() {
    let script = Script::tools(&["a"]);
    let approved = Script::tools(&["a"]);
    let endpoint = script.module("p").endpoint().clone();
    let (id, family) = ("p".parse().unwrap(), "engineering".parse().unwrap());
    let pending = Module::builder(id, family, endpoint).build();
    let catalog = catalog(&[pending, approved.module("q")], HOUR);
    catalog.refresh().await;
    assert_eq!(has(&catalog, "q", "a"), Some(true));
    assert_eq!(has(&catalog, "p", "a"), None);
    assert_eq!(script.asked("tools/list"), 0);
}

#[tokio::test]
async fn the_layer_reads_before_a_call_that_names_something_goes_on() {
    let script = Script::tools(&["a"]);
    let catalog = catalog(&[script.module("m")], HOUR);
    let below = service_fn({
        let catalog = Arc::clone(&catalog);
        move |call: Call| {
            let known = has(&catalog, "m", "a");
            async move {
                assert_eq!(known.is_some(), call.item().is_some());
                Ok::<_, Error>(Reply::accepted())
            }
        }
    });
    let layer = CatalogLayer::new(Arc::clone(&catalog));
    let list = layer.layer(below.clone()).oneshot(call("tools/list", "{}"));
    assert!(list.await.is_ok());
    assert_eq!(script.asked("tools/list"), 0);
    assert!(layer.layer(below).oneshot(tool("m__a")).await.is_ok());
    assert_eq!(script.asked("tools/list"), 1);
}

#[tokio::test]
async fn readiness_of_the_layer_is_the_inner_services() {
    let (inner, mut handle) = tower_test::mock::pair::<Call, Reply>();
    let inner = inner.map_err(Error::from);
    let catalog = catalog(&[Script::tools(&[]).module("m")], HOUR);
    let mut service = tower_test::mock::Spawn::new(CatalogLayer::new(catalog).layer(inner));
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    let reply = tokio::spawn(service.call(tool("m__a")));
    drop(service);
    let (call, responder) = handle.next_request().await.unwrap();
    assert_eq!(call.item().unwrap().name(), "m__a");
    responder.send_response(Reply::accepted());
    assert!(reply.await.unwrap().is_ok());
}

/// Catalog, router and dispatch, in a stack in which everything is permitted.
fn stack(
    modules: &[Arc<Module>],
    catalog: &Arc<Catalog>,
) -> impl Service<Call, Response = Reply, Error = Error, Future: Send> + Clone {
    let gateway = Gateway::new(registry(modules), ClientInfo::default());
    ServiceBuilder::new()
        .layer(CatalogLayer::new(Arc::clone(catalog)))
        .map_request(permitted as fn(Call) -> Permitted)
        .layer(RouteLayer::new(Router::over(catalog)))
        .service(Dispatch::new(Arc::new(gateway)))
}

fn complete(reply: Reply) -> String {
    match reply.into_body() {
        Body::Complete(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}
