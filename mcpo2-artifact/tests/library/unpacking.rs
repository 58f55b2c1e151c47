//! An archive that was uploaded becomes a tree, unless nobody waits for it any more.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use mcpo2_artifact::{
    ArtifactLayer, Inline, Job, Library, Run, TreeTerms, UploadTerms,
    blob::Uploads,
    ingest::{self, Spec},
    manifest_label,
    token::Secret,
};
use mcpo2_core::{Digest, Reply, Routed};
use serde_json::json;
use tower::{Layer as _, Service as _, service_fn};

use crate::{
    common::{at_once, config, result, routed},
    house::{House, signing},
};

/// Takes work and does nothing of it, until somebody else does.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Option<Job>>>);

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Later")
    }
}

#[async_trait]
impl Run for Later {
    async fn run(&self, job: Job) {
        *self.0.lock().unwrap() = Some(job);
        pending::<()>().await;
    }
}

/// A library that takes uploads, with one that is there, and what commits it as a tree.
struct Intake {
    library: Arc<Library>,
    layer: ArtifactLayer,
    commit: String,
    _dir: tempfile::TempDir,
}

impl Intake {
    fn new(house: &House, run: Arc<dyn Run>, archive: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let depot = house.library.depot().clone();
        let uploads = at_once(Uploads::open(dir.path(), depot.clone())).unwrap();
        let terms = UploadTerms {
            kept: Duration::from_secs(3600),
            max_bytes: 1 << 20,
            reference: Duration::from_secs(60),
        };
        let trees = TreeTerms {
            rules: Spec::default().compile().unwrap(),
            limits: ingest::Limits::default(),
            run,
        };
        let (issuer, verifier) = signing(&Secret::new([8; 32]), &house.revocations);
        let library = Library::new(depot, issuer, verifier);
        let library = Arc::new(
            library
                .with_uploads(Arc::new(uploads), terms)
                .with_trees(trees),
        );
        let artifacts = config(json!({})).compile().unwrap();
        let artifacts = artifacts.with_clock(house.clock.clone());
        let artifacts = artifacts.with_library(Arc::clone(&library));
        let layer = ArtifactLayer::new(Arc::new(artifacts));

        let params = json!({ "uri": library.new_upload_uri() }).to_string();
        let create = ("mcpo2/artifacts/create", &*params);
        let created = result(at_once(answer(&layer, routed(create))).unwrap());
        let id = created["id"].as_str().unwrap().parse().unwrap();
        let bytes = archive.to_vec().into();
        at_once(library.append(&house.ada, &id, 0, bytes)).unwrap();
        let commit = json!({
            "uri": library.upload_uri(&id), "digest": Digest::of(archive), "tree": {},
        });
        Self {
            library,
            layer,
            commit: commit.to_string(),
            _dir: dir,
        }
    }

    fn commit(&self) -> impl Future<Output = Result<Reply, mcpo2_core::Error>> + use<> {
        answer(
            &self.layer,
            routed(("mcpo2/artifacts/commit", &self.commit)),
        )
    }

    fn has(&self, house: &House, root: &Digest) -> bool {
        let blobs = self.library.depot().tenant(house.ada.tenant()).unwrap();
        at_once(blobs.has(&manifest_label(root))).unwrap()
    }
}

fn answer(
    layer: &ArtifactLayer,
    routed: Routed,
) -> impl Future<Output = Result<Reply, mcpo2_core::Error>> + use<> {
    let nobody = service_fn(async |_: Routed| -> Result<Reply, mcpo2_core::Error> {
        panic!("no module hears of it")
    });
    layer.layer(nobody).call(routed)
}

/// What comes of it, as it gives way a few times; none where it is `stopped` before.
fn poll<F: Future>(future: &mut Pin<Box<F>>, stopped: impl Fn() -> bool) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if stopped() {
            return None;
        }
    }
    panic!("it waits");
}

fn archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(6);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, "a.txt", &b"hello\n"[..])
        .unwrap();
    archive.into_inner().unwrap()
}

#[test]
fn work_that_nobody_waits_for_any_more_ends_and_commits_nothing() {
    let house = House::new();
    let intake = Intake::new(&house, Arc::new(Inline), &archive());
    let mut commit = Box::pin(intake.commit());
    let committed = poll(&mut commit, || false).unwrap().unwrap();
    let root = result(committed)["tree"]["root"].as_str().unwrap().parse();
    let root: Digest = root.unwrap();
    assert!(intake.has(&house, &root));

    // The same once more, in another house.
    let house = House::new();
    let later = Later::default();
    let intake = Intake::new(&house, Arc::new(later.clone()), &archive());
    let mut commit = Box::pin(intake.commit());
    let is_begun = || later.0.lock().unwrap().is_some();
    assert!(poll(&mut commit, is_begun).is_none());
    let job = later.0.lock().unwrap().take().unwrap();
    drop(commit);
    job();
    assert!(!intake.has(&house, &root));

    // Where somebody waits, the same work is done.
    let mut commit = Box::pin(intake.commit());
    assert!(poll(&mut commit, is_begun).is_none());
    let job = later.0.lock().unwrap().take().unwrap();
    job();
    assert!(intake.has(&house, &root));
}
