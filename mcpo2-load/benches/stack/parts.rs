use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_artifact::Artifacts;
use mcpo2_audit::{Ledger, Options};
use mcpo2_core::{
    ApprovalState, AuthMethod, Call, Error, Frames, Message, Method, Module, Principal,
    ProtocolVersion, Reply, Request, Response, Routed, Target, message::result_response,
};
use mcpo2_load::{
    Era, Exchange, Work,
    governance::{self, MODULE},
};
use mcpo2_policy::Policy;
use mcpo2_preamble::Profiles;
use mcpo2_route::{
    Catalog, CatalogOptions, Connection, Dispatch, Gateway, Naming, Registry, Router,
    upstream::{ClientInfo, ForwardHeaders, Hello, Limits, Link, Upstream},
};
use tower::util::BoxCloneSyncService;

const TOOLS: &str = r#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#;
const ID: u64 = 7;

/// What the layers decide by, in the setting that `mcpo2-load bench` has.
pub(super) struct Parts {
    pub(super) artifacts: Arc<Artifacts>,
    pub(super) profiles: Arc<Profiles>,
    pub(super) policy: Arc<Policy>,
    pub(super) rules: Arc<mcpo2_classify::Rules>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) router: Arc<Router>,
    pub(super) ledger: Ledger,
    registry: Arc<Registry>,
    principal: Arc<Principal>,
    message: Bytes,
    _dir: tempfile::TempDir,
}

impl Parts {
    pub(super) fn new() -> Self {
        let connection = Connection::new(Instant, &Limits::default()).into_endpoint();
        let (id, family) = (MODULE.parse().unwrap(), "engineering".parse().unwrap());
        let module = Module::builder(id, family, connection)
            .approval(ApprovalState::Approved)
            .tier(3)
            .build();
        let registry = Arc::new(Registry::new([module], Naming::Prefixed).unwrap());
        let catalog = Catalog::with_options(Arc::clone(&registry), ours(), CatalogOptions::new());
        let catalog = Arc::new(catalog);
        let dir = tempfile::tempdir().unwrap();
        let options = Options::default();
        let artifact: mcpo2_artifact::Config =
            serde_json::from_str(r#"{"threshold_bytes":8388608}"#).unwrap();
        let preamble: mcpo2_preamble::Config =
            serde_json::from_value(governance::preamble()).unwrap();
        let policy: mcpo2_policy::Config = serde_json::from_value(governance::policy(&[])).unwrap();
        let classify: mcpo2_classify::Config =
            serde_json::from_value(governance::classify()).unwrap();
        let caller = Principal::new(
            "acme".parse().unwrap(),
            "caller-00".parse().unwrap(),
            AuthMethod::ApiKey,
        );
        let (work, expected) = Work::echo(&format!("{MODULE}__echo"), 32);
        Self {
            artifacts: Arc::new(artifact.compile().unwrap()),
            profiles: Arc::new(preamble.compile().unwrap()),
            policy: Arc::new(policy.compile().unwrap()),
            rules: Arc::new(classify.compile().unwrap()),
            router: Arc::new(Router::over(&catalog)),
            catalog,
            registry,
            ledger: Ledger::open(dir.path(), options.with_queue(1 << 20)).unwrap(),
            principal: Arc::new(caller.with_roles(["caller"])),
            message: Exchange::new(Era::Modern, &work, expected).body(ID),
            _dir: dir,
        }
    }

    /// The call as an edge makes it.
    pub(super) fn call(&self) -> Call {
        let Ok(Message::Request(request)) = Message::parse(self.message.clone()) else {
            panic!("no request")
        };
        Call::new(request, Arc::clone(&self.principal))
    }

    pub(super) fn target(&self) -> Target {
        let module = self.registry.module(MODULE).unwrap();
        Target::module(module).unwrap().under_name("echo")
    }

    pub(super) fn leaf(&self) -> BoxCloneSyncService<Routed, Reply, Error> {
        BoxCloneSyncService::new(tower::service_fn(|routed: Routed| {
            let answer = answered(routed.request(), &echoed());
            std::future::ready(Ok(Reply::of(answer)))
        }))
    }

    pub(super) fn dispatch(&self) -> Dispatch {
        let registry = Arc::clone(&self.registry);
        let gateway = Gateway::new(registry, ours()).with_catalog(Arc::clone(&self.catalog));
        Dispatch::new(Arc::new(gateway))
    }
}

fn ours() -> ClientInfo {
    ClientInfo::new("bench", "0")
}

fn echoed() -> String {
    let text = "0123456789abcdef".repeat(2);
    format!(r#"{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}]}}"#)
}

fn answered(request: &Request, result: &str) -> Response {
    let message = result_response(request.id().unwrap(), result);
    match Message::parse(message) {
        Ok(Message::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

/// A module in this process that answers at once.
#[derive(Debug)]
struct Instant;

#[async_trait]
impl Upstream for Instant {
    async fn open(&self, _: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let server = Bytes::from_static(br#"{"capabilities":{"tools":{}}}"#);
        Ok(Arc::new(InstantLink(server)))
    }
}

#[derive(Debug)]
struct InstantLink(Bytes);

#[async_trait]
impl Link for InstantLink {
    fn version(&self) -> ProtocolVersion {
        ProtocolVersion::LATEST
    }

    fn server(&self) -> &Bytes {
        &self.0
    }

    fn is_open(&self) -> bool {
        true
    }

    async fn request(&self, request: &Request, _: &ForwardHeaders) -> Result<Reply, Error> {
        let result = match request.method() {
            Method::ToolsList => TOOLS.to_owned(),
            _ => echoed(),
        };
        Ok(Reply::of(answered(request, &result)))
    }

    async fn send(&self, _: Bytes) -> Result<(), Error> {
        Ok(())
    }

    async fn listen(&self, _: Option<&str>) -> Result<Option<Frames>, Error> {
        Ok(None)
    }

    async fn close(&self) {}
}
