use std::sync::Arc;

use mcpo2_artifact::{
    Artifacts, Clock, Error, ErrorKind, Excerpt, Library,
    blob::{Chunking, Depot, Keep, Limits, MasterKey, MemoryBlobs, Quotas},
    token::{
        self, Audience, Issuer, Keys, Mint, Object, Revocations, Secret, SignedReference, Verifier,
    },
};
use mcpo2_core::Principal;
use serde_json::json;

use crate::common::{TestClock, at_once, config, principal, reader};

/// A library in memory, and Ada whose things it keeps.
pub(crate) struct House {
    pub(crate) artifacts: Artifacts,
    pub(crate) library: Arc<Library>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) clock: TestClock,
    pub(crate) ada: Principal,
}

impl House {
    pub(crate) fn new() -> Self {
        let clock = TestClock::new();
        let blobs = Arc::new(MemoryBlobs::new(1 << 30));
        let depot = Depot::with_clock(
            blobs,
            Arc::new(MasterKey::new([7; 32])),
            Quotas::new(Limits::NONE),
            Arc::new(clock.clone()),
        );
        let depot = depot.with_chunks(Chunking::default().with_threshold(300_000));
        let revocations = Arc::new(Revocations::new(clock.now()));
        let (issuer, verifier) = signing(&Secret::new([8; 32]), &revocations);
        let library = Arc::new(Library::new(depot, issuer, verifier));
        let artifacts = config(json!({"max_read_bytes": 1024})).compile().unwrap();
        Self {
            artifacts: artifacts
                .with_clock(clock.clone())
                .with_library(Arc::clone(&library)),
            library,
            revocations,
            clock,
            ada: principal("acme", "ada"),
        }
    }

    pub(crate) fn put(&self, content: &[u8]) -> Object {
        let blobs = self.library.depot().tenant(self.ada.tenant()).unwrap();
        let session = at_once(blobs.session()).unwrap();
        let digest = at_once(session.put(content.to_vec().into())).unwrap();
        at_once(session.commit(&digest.to_string(), Keep::Pinned("test"))).unwrap();
        Object::Blob(digest)
    }

    pub(crate) fn mint(&self, object: Object) -> Mint {
        Mint::new(
            self.ada.tenant().clone(),
            object,
            Audience::principal(&self.ada),
        )
    }

    pub(crate) fn sign(&self, mint: Mint) -> SignedReference {
        self.library.sign(mint, self.clock.now()).unwrap()
    }

    pub(crate) fn read(&self, uri: &str) -> Result<Excerpt, Error> {
        at_once(self.artifacts.read(&reader(&self.ada), uri))
    }

    pub(crate) fn text(&self, uri: &str) -> String {
        self.read(uri).unwrap().text().unwrap().to_owned()
    }

    pub(crate) fn refuses(&self, uri: &str) {
        let refused = self.read(uri).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{uri}");
    }
}

pub(crate) fn signing(secret: &Secret, revocations: &Arc<Revocations>) -> (Issuer, Verifier) {
    let name: token::Authority = "gw.example".parse().unwrap();
    let keys = Arc::new(Keys::new(secret));
    let issuer = Issuer::new(
        name.clone(),
        Arc::clone(&keys),
        Arc::clone(revocations),
        token::Limits::default(),
    );
    let verifier = Verifier::new(name, keys, Arc::clone(revocations), Arc::default());
    (issuer, verifier)
}
