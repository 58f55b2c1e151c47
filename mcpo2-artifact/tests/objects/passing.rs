//! Modules that are given URLs in place of references, and read them from the bucket themselves.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_artifact::{
    Artifacts, ConfigError, Library, Passing, ReferenceLayer,
    blob::{BlobStore, Depot, Keep, KeySource, Limits, MasterKey, MemoryBlobs, Quotas},
    commit_manifest,
    manifest::{Content, Entry, Manifest, Mode},
    range::Ranges,
    token::{self, Audience, Issuer, Keys, Mint, Object, Revocations, Verbs, Verifier},
};
use mcpo2_core::{
    ApprovalState, Call, Decision, Digest, Endpoint, Error, ErrorKind, Fact, Message, Module,
    Obligations, Principal, Reply, Routed, Target, Trail,
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    common::{config, message, principal},
    server::Server,
};

const LOG: &[u8] = b"one\ntwo\nthree\n";

struct House {
    artifacts: Arc<Artifacts>,
    library: Arc<Library>,
    revocations: Arc<Revocations>,
    ada: Principal,
}

impl House {
    fn new(store: Arc<dyn BlobStore>, keys: Arc<dyn KeySource>) -> Self {
        let depot = Depot::new(store, keys, Quotas::new(Limits::NONE));
        let name: token::Authority = "gw.example".parse().unwrap();
        let keys = Arc::new(Keys::ephemeral().unwrap());
        let revocations = Arc::new(Revocations::new(SystemTime::now()));
        let limits = token::Limits::default();
        let issuer = Issuer::new(name.clone(), keys.clone(), revocations.clone(), limits);
        let verifier = Verifier::new(name, keys, revocations.clone(), Arc::default());
        let library = Arc::new(Library::new(depot, issuer, verifier));
        let artifacts = config(json!({})).compile().unwrap();
        Self {
            artifacts: Arc::new(artifacts.with_library(Arc::clone(&library))),
            library,
            revocations,
            ada: principal("acme", "ada"),
        }
    }

    fn of(server: &Server) -> Self {
        let keys = MasterKey::new([7; 32]);
        Self::new(Arc::new(server.blobs()), Arc::new(keys))
    }

    async fn put(&self, content: &'static [u8]) -> Object {
        let blobs = self.library.depot().tenant(self.ada.tenant()).unwrap();
        let session = blobs.session().await.unwrap();
        let digest = session.put(content.into()).await.unwrap();
        let kept = Keep::Pinned("test");
        session.commit(&digest.to_string(), kept).await.unwrap();
        Object::Blob(digest)
    }

    fn mint(&self, object: Object) -> Mint {
        let any = "*".parse().unwrap();
        Mint::new(
            self.ada.tenant().clone(),
            object,
            Audience::principal(&self.ada),
        )
        .with_verbs(Verbs::NONE.read().pass_to_tool(any))
    }

    fn sign(&self, mint: Mint) -> String {
        self.library.sign(mint, SystemTime::now()).unwrap().uri()
    }

    /// The one argument that the module hears of, and what is known of the call.
    async fn heard(
        &self,
        with: Value,
        uri: &str,
        who: &Principal,
    ) -> (Result<String, Error>, Trail) {
        let mut given = json!({"tools": ["fetch"], "as": "url"});
        let (given_to, with) = (given.as_object_mut().unwrap(), with.as_object().unwrap());
        given_to.extend(with.clone());
        let given = serde_json::from_value(given).unwrap();
        let passing = Passing::default().with("reader".parse().unwrap(), given);
        let module = service_fn(|routed: Routed| async move {
            Ok::<_, Error>(Reply::complete(routed.request().bytes().clone()))
        });
        let layer = ReferenceLayer::new(Arc::clone(&self.artifacts), Arc::new(passing.unwrap()));
        let call = fetch(uri, who.clone());
        let trail = call.call().trail().clone();
        let said = layer.layer(module).oneshot(call).await.map(message);
        let argument = said.map(|said| {
            let said: Value = serde_json::from_str(&said).unwrap();
            let argument = said["params"]["arguments"]["file"].as_str();
            argument.unwrap().to_owned()
        });
        (argument, trail)
    }

    async fn url(&self, with: Value, uri: &str) -> String {
        self.heard(with, uri, &self.ada).await.0.unwrap()
    }

    /// Nothing is passed, and the caller is told so.
    async fn refuses(&self, uri: &str, kind: ErrorKind, told: &str) {
        let (heard, trail) = self.heard(json!({}), uri, &self.ada).await;
        let error = heard.unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (kind, told), "{uri}");
        assert!(trail.facts().is_empty(), "{uri}");
    }
}

fn fetch(uri: &str, who: Principal) -> Routed {
    let params = json!({"name": "fetch", "arguments": {"file": uri}});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let Message::Request(request) = Message::parse(call.to_string()).unwrap() else {
        unreachable!()
    };
    let id = "reader".parse().unwrap();
    let module = Module::builder(id, "data".parse().unwrap(), Endpoint::new(()));
    let module = module.approval(ApprovalState::Approved).build();
    let permitted = Call::new(request, who).decide(Decision::Allow(Obligations::default()));
    permitted.unwrap().route(Target::module(&module).unwrap())
}

/// For how many seconds a URL is valid.
fn valid(url: &str) -> u64 {
    let (_, from) = url.split_once("X-Amz-Expires=").unwrap();
    from.split('&').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn module_reads_the_whole_by_a_url_and_the_call_has_the_fact_without_it() {
    let server = Server::start().await;
    let house = House::of(&server);
    let uri = house.sign(house.mint(house.put(LOG).await));
    let (url, trail) = house.heard(json!({}), &uri, &house.ada).await;
    let url = url.unwrap();
    assert_eq!(server.get(&url).await, (200, LOG.to_vec()));
    let facts = trail.facts();
    let [Fact::Passed(passed)] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!(passed.digest, Digest::of(LOG));
    assert_eq!((passed.range, &*passed.form), ((0, 14), "url"));
    let recorded = serde_json::to_string(&facts).unwrap() + &format!("{facts:?}");
    assert!(!recorded.contains("X-Amz") && !recorded.contains("http"));

    let empty = house.sign(house.mint(house.put(b"").await));
    let url = house.url(json!({"max_bytes": 0}), &empty).await;
    assert_eq!(server.get(&url).await, (200, Vec::new()));
}

#[tokio::test]
async fn url_is_valid_for_as_long_as_is_said_and_as_the_reference_holds() {
    let server = Server::start().await;
    let house = House::of(&server);
    let object = house.put(LOG).await;
    let uri = house.sign(house.mint(object.clone()));
    assert_eq!(valid(&house.url(json!({}), &uri).await), 300);
    let with = json!({"valid_seconds": 7});
    assert_eq!(valid(&house.url(with, &uri).await), 7);
    let short = house.mint(object).expires_in(Duration::from_secs(60));
    let short = house.sign(short);
    assert!((1..=60).contains(&valid(&house.url(json!({}), &short).await)));

    for seconds in [0, 86_401] {
        let config = json!({"tools": ["fetch"], "as": "url", "valid_seconds": seconds});
        let config = serde_json::from_value(config).unwrap();
        let refused = Passing::default().with("reader".parse().unwrap(), config);
        let field = "valid_seconds";
        assert!(matches!(refused, Err(ConfigError::Bound { field: it, .. }) if it == field));
    }
}

#[tokio::test]
async fn file_of_a_tree_has_a_url_and_its_list_has_none() {
    let server = Server::start().await;
    let house = House::of(&server);
    let blobs = house.library.depot().tenant(house.ada.tenant()).unwrap();
    let session = blobs.session().await.unwrap();
    let file = Content::File {
        mode: Mode::Plain,
        size: 14,
        digest: session.put(LOG.into()).await.unwrap(),
    };
    let entry = Entry::new("a.log".parse().unwrap(), file);
    let tree = Manifest::new(Digest::of(b"all"), vec![entry], vec![]).unwrap();
    let kept = Keep::Pinned("test");
    commit_manifest(&session, &tree, kept).await.unwrap();
    let uri = house.sign(house.mint(Object::Manifest(tree.root())));
    let url = house.url(json!({}), &format!("{uri}?path=a.log")).await;
    assert_eq!(server.get(&url).await, (200, LOG.to_vec()));
    let told = "the list of a tree has no url";
    house.refuses(&uri, ErrorKind::InvalidParams, told).await;
}

#[tokio::test]
async fn what_is_not_the_whole_or_is_counted_has_no_url() {
    let server = Server::start().await;
    let house = House::of(&server);
    let object = house.put(LOG).await;
    let invalid = ErrorKind::InvalidParams;
    let whole = house.sign(house.mint(object.clone()));
    let bytes = house.mint(object.clone()).with_ranges(Ranges::one(0..13));
    for part in [
        format!("{whole}?bytes=0-4"),
        format!("{whole}?bytes=0-14"),
        format!("{whole}?lines=1-1"),
        house.sign(bytes),
    ] {
        house.refuses(&part, invalid, "a part has no url").await;
    }
    let uses = house.mint(object.clone());
    let bytes = house.mint(object.clone());
    for counted in [
        uses.with_uses(NonZeroU32::new(9).unwrap()),
        bytes.with_max_bytes(NonZeroU64::new(99).unwrap()),
    ] {
        let uri = house.sign(counted);
        let told = "what is counted has no url";
        house.refuses(&uri, invalid, told).await;
    }
    let result = house.artifacts.keep(&house.ada, "{}").await.unwrap();
    let told = "the result of a call has no url";
    house.refuses(&result.reference.uri(), invalid, told).await;
}

#[tokio::test]
async fn who_may_not_read_gets_no_url_and_nothing_longer_than_the_limit() {
    let server = Server::start().await;
    let house = House::of(&server);
    let object = house.put(LOG).await;
    let uri = house.sign(house.mint(object.clone()));
    let part = format!("{uri}?bytes=0-4");
    for (uri, who) in [
        (&uri, principal("acme", "eve")),
        (&uri, principal("other", "ada")),
        (&part, principal("acme", "eve")),
    ] {
        let (heard, trail) = house.heard(json!({}), uri, &who).await;
        assert_eq!(heard.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(trail.facts().is_empty());
    }
    let limit = |most: u64| json!({"max_bytes": most});
    let (heard, _) = house.heard(limit(13), &uri, &house.ada).await;
    assert_eq!(heard.unwrap_err().kind(), ErrorKind::TooLarge);
    house.url(limit(14), &uri).await;

    let reads = Verbs::NONE.stat().read();
    let unpassed = house.sign(house.mint(object).with_verbs(reads));
    let absent = house.sign(house.mint(Object::Blob(Digest::of(b"absent"))));
    house
        .revocations
        .revoke_tenant(house.ada.tenant(), SystemTime::now());
    for uri in [unpassed, absent, uri] {
        let (heard, _) = house.heard(json!({}), &uri, &house.ada).await;
        assert_eq!(heard.unwrap_err().kind(), ErrorKind::NotFound, "{uri}");
    }
}

#[tokio::test]
async fn without_a_bucket_and_of_sealed_blobs_there_are_no_urls() {
    let server = Server::start().await;
    let keys = || MasterKey::new([7; 32]);
    let memory = House::new(Arc::new(MemoryBlobs::new(1 << 20)), Arc::new(keys()));
    let mut houses = vec![memory];
    #[cfg(feature = "encrypt")]
    houses.push(House::new(
        Arc::new(server.blobs()),
        Arc::new(keys().sealing()),
    ));
    for house in &houses {
        let uri = house.sign(house.mint(house.put(LOG).await));
        let told = "this gateway makes no urls";
        house.refuses(&uri, ErrorKind::InvalidParams, told).await;
    }
    drop(server);
}

#[tokio::test]
async fn bucket_that_is_down_passes_nothing() {
    let mut server = Server::start().await;
    let house = House::of(&server);
    let uri = house.sign(house.mint(house.put(LOG).await));
    server.stop().await;
    let internal = "internal error";
    house.refuses(&uri, ErrorKind::Internal, internal).await;
    server.start_again().await;
    assert_eq!(server.get(&house.url(json!({}), &uri).await).await.0, 200);
}
