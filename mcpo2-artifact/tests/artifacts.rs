//! What is kept stays what it was, no longer than it may, and takes no more room than there is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use common::{TestClock, at_once, config, principal, reader};
use mcpo2_artifact::{
    Artifacts, ConfigError, DirStore, ErrorKind, Key, MemoryStore, Store, StoreError,
    StoreErrorKind, conformance,
};
use serde_json::json;
use tokio_test::{assert_pending, task};

#[test]
fn both_stores_keep_the_laws() {
    at_once(conformance::check(&MemoryStore::new(1 << 20))).unwrap();
    let dir = tempfile::tempdir().unwrap();
    at_once(conformance::check(&DirStore::open(dir.path()).unwrap())).unwrap();
    let left = std::fs::read_dir(dir.path().join("objects")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn store_that_breaks_a_law_is_noticed() {
    let store = Odd::new(|odd| odd.changes.store(true, Ordering::Relaxed));
    let violation = at_once(conformance::check(&*store)).unwrap_err();
    assert_eq!(violation.to_string(), "the whole is what was put");
}

#[test]
fn memory_is_bounded() {
    let store = MemoryStore::new(10);
    let (one, two) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
    at_once(store.put(&one, Bytes::from_static(b"123456"))).unwrap();
    let full = at_once(store.put(&two, Bytes::from_static(b"12345")));
    assert_eq!(full.unwrap_err().kind(), StoreErrorKind::Full);
    at_once(store.put(&one, Bytes::from_static(b"1234567890"))).unwrap();
}

#[cfg(unix)]
#[test]
fn directory_is_closed_to_others_and_cleared() {
    use std::{fs, os::unix::fs::PermissionsExt};

    let dir = tempfile::tempdir().unwrap();
    let objects = dir.path().join("objects");
    fs::create_dir(&objects).unwrap();
    fs::set_permissions(&objects, PermissionsExt::from_mode(0o755)).unwrap();
    let key = Key::from_bytes([7; 32]);
    let theirs = [format!("{key}.bak"), "notes.txt".into()];
    for name in [key.to_string(), format!("{key}.12")].iter().chain(&theirs) {
        fs::write(objects.join(name), "left behind").unwrap();
    }
    let store = DirStore::open(dir.path()).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(objects.clone()), 0o700);
    let left = fs::read_dir(&objects).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, theirs.map(std::ffi::OsString::from));
    at_once(store.put(&key, Bytes::from_static(b"secret"))).unwrap();
    assert_eq!(mode(objects.join(key.to_string())), 0o600);

    let linked = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(&objects, linked.path().join("objects")).unwrap();
    let error = DirStore::open(linked.path()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Io);
}

#[test]
fn expired_objects_make_room() {
    let clock = TestClock::new();
    let limits = json!({"max_total_bytes": 2000, "max_object_bytes": 1000, "ttl_seconds": 10});
    let artifacts = config(limits).compile().unwrap().with_clock(clock.clone());
    let ada = principal("acme", "ada");
    let keep = || at_once(artifacts.keep(&ada, &"x".repeat(1000)));
    keep().unwrap();
    assert_eq!(artifacts.bytes_kept(), 1512);
    assert_eq!(keep().unwrap_err().kind(), ErrorKind::Full);
    clock.advance(9);
    assert_eq!(keep().unwrap_err().kind(), ErrorKind::Full);
    clock.advance(1);
    keep().unwrap();
    assert_eq!(artifacts.bytes_kept(), 1512);
}

#[test]
fn dropped_or_failed_put_gives_its_room_back() {
    let store = Odd::new(|odd| odd.waits.store(true, Ordering::Relaxed));
    let limits = json!({"max_total_bytes": 2000, "max_object_bytes": 1000});
    let artifacts = with_store(limits, store.clone());
    let ada = principal("acme", "ada");
    let text = "x".repeat(1000);
    let mut put = task::spawn(artifacts.keep(&ada, &text));
    assert_pending!(put.poll());
    drop(put);
    store.waits.store(false, Ordering::Relaxed);
    store.fails.store(true, Ordering::Relaxed);
    let failed = at_once(artifacts.keep(&ada, &text)).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Store);
    store.fails.store(false, Ordering::Relaxed);
    at_once(artifacts.keep(&ada, &text)).unwrap();
    assert_eq!(artifacts.bytes_kept(), 1512);
}

#[test]
fn changed_object_is_not_given_out() {
    let store = Odd::new(|_| {});
    let artifacts = with_store(json!({}), store.clone());
    let ada = principal("acme", "ada");
    let stored = at_once(artifacts.keep(&ada, &"ab\n".repeat(50_000))).unwrap();
    let uri = stored.reference.uri();
    at_once(artifacts.read(&reader(&ada), &uri)).unwrap();
    store.changes.store(true, Ordering::Relaxed);
    for query in ["", "?bytes=70000-70010", "?lines=30000-30001"] {
        let error = at_once(artifacts.read(&reader(&ada), &format!("{uri}{query}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{query}");
    }
}

#[test]
fn objects_in_a_directory_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let artifacts = config(json!({"store": {"dir": dir.path()}}))
        .compile()
        .unwrap();
    let ada = principal("acme", "ada");
    let stored = at_once(artifacts.keep(&ada, "one\ntwo\nthree")).unwrap();
    let uri = format!("{}?lines=2-3", stored.reference);
    let excerpt = at_once(artifacts.read(&reader(&ada), &uri)).unwrap();
    assert_eq!(
        (excerpt.text().unwrap(), excerpt.range.clone()),
        ("two\nthree", 4..13)
    );
    let names = std::fs::read_dir(dir.path().join("objects")).unwrap();
    let token = stored
        .reference
        .uri()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    for name in names {
        assert!(!name.unwrap().file_name().to_string_lossy().contains(&token));
    }
}

#[test]
fn wrong_limits_are_refused() {
    for (limits, field) in [
        (json!({"preview_bytes": 65_537}), "preview_bytes"),
        (json!({"max_read_bytes": 1023}), "max_read_bytes"),
        (json!({"ttl_seconds": 0}), "ttl_seconds"),
        (
            json!({"max_object_bytes": 9, "max_total_bytes": 8}),
            "max_object_bytes",
        ),
    ] {
        match config(limits).compile() {
            Err(ConfigError::Bound { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }
    for wrong in [json!({"threshold_bytes": 0}), json!({"treshold_bytes": 1})] {
        assert!(serde_json::from_value::<mcpo2_artifact::Config>(wrong).is_err());
    }
}

fn with_store(limits: serde_json::Value, store: Arc<Odd>) -> Artifacts {
    let artifacts = config(limits).compile_with(store).unwrap();
    artifacts.with_clock(TestClock::new())
}

/// A store that can go wrong.
#[derive(Debug)]
struct Odd {
    inner: MemoryStore,
    waits: AtomicBool,
    fails: AtomicBool,
    changes: AtomicBool,
}

impl Odd {
    fn new(set: impl FnOnce(&Self)) -> Arc<Self> {
        let odd = Self {
            inner: MemoryStore::new(1 << 20),
            waits: AtomicBool::new(false),
            fails: AtomicBool::new(false),
            changes: AtomicBool::new(false),
        };
        set(&odd);
        Arc::new(odd)
    }
}

#[async_trait]
impl Store for Odd {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(key, bytes).await?;
        if self.waits.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        match self.fails.load(Ordering::Relaxed) {
            true => Err(StoreError::new(StoreErrorKind::Io)),
            false => Ok(()),
        }
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.inner.read(key, range).await?;
        if !self.changes.load(Ordering::Relaxed) {
            return Ok(bytes);
        }
        let mut bytes = bytes.to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        Ok(bytes.into())
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.remove(key).await
    }
}
