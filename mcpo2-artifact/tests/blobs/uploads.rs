use std::{
    fs,
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use mcpo2_artifact::{
    Clock as _,
    blob::{
        BlobErrorKind, Depot, Keep, Limits, MemoryBlobs, NewUpload, Resource, Uploads, upload_label,
    },
};
use mcpo2_core::{Digest, TenantId};

use crate::support::{
    Fault, Faulty, TestClock, at_once, content, counted, depot_over, kind, memory, run, stored,
    tenant,
};

struct Bench {
    clock: TestClock,
    store: Arc<Faulty<MemoryBlobs>>,
    limits: Limits,
    dir: tempfile::TempDir,
    acme: TenantId,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let clock = TestClock::default();
        Self {
            store: Faulty::new(memory(&clock)),
            clock,
            limits,
            dir: tempfile::tempdir().unwrap(),
            acme: "acme".parse().unwrap(),
        }
    }

    /// As after a start.
    async fn open(&self) -> (Depot, Uploads) {
        let depot = depot_over(self.store.clone(), self.limits, &self.clock);
        let uploads = Uploads::open(self.dir.path(), depot.clone()).await.unwrap();
        (depot, uploads)
    }

    fn new_upload(&self) -> NewUpload {
        NewUpload::new(self.clock.now() + Duration::from_secs(100))
    }
}

fn names(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn upload_goes_on_after_a_restart_and_is_finished_once() {
    run(async {
        let bench = Bench::new(Limits::NONE);
        let bytes = content(1, 700_000);
        let digest = Digest::of(&bytes);
        let (depot, uploads) = bench.open().await;
        let new = bench.new_upload().with_size(700_000).with_digest(digest);
        let id = uploads.create(&bench.acme, new).await.unwrap().id;
        let end = uploads
            .append(&bench.acme, &id, 0, bytes.slice(..300_000))
            .await
            .unwrap();
        assert_eq!(end, 300_000);
        let usage = tenant(&depot, "acme").usage().await.unwrap();
        assert_eq!((usage.stored_bytes, usage.uploads), (300_000, 1));
        drop((uploads, depot));

        let (depot, uploads) = bench.open().await;
        let acme = tenant(&depot, "acme");
        assert_eq!(acme.usage().await.unwrap(), usage);
        let id = id.to_string().parse().unwrap();
        assert_eq!(uploads.status(&bench.acme, &id).unwrap().offset, 300_000);
        for offset in [0, 299_999, 300_001, u64::MAX] {
            let wrong = uploads.append(&bench.acme, &id, offset, "x".into()).await;
            assert_eq!(kind(wrong), BlobErrorKind::Offset(300_000));
        }
        let early = uploads
            .finish(&bench.acme, &id, &digest, Keep::Pinned("test"))
            .await;
        assert_eq!(kind(early), BlobErrorKind::Mismatch);
        uploads
            .append(&bench.acme, &id, 300_000, bytes.slice(300_000..))
            .await
            .unwrap();
        let more = uploads.append(&bench.acme, &id, 700_000, "x".into()).await;
        assert_eq!(kind(more), BlobErrorKind::TooLarge);
        let other = uploads
            .finish(&bench.acme, &id, &Digest::of(b""), Keep::Pinned("test"))
            .await;
        assert_eq!(kind(other), BlobErrorKind::Mismatch);

        let finished = uploads
            .finish(&bench.acme, &id, &digest, Keep::Pinned("test"))
            .await
            .unwrap();
        assert_eq!(
            (finished.offset, finished.finished),
            (700_000, Some(digest))
        );
        let usage = acme.usage().await.unwrap();
        assert_eq!(
            (stored(usage), usage.uploads),
            (counted(&bench.store.inner).await, 0)
        );
        let again = uploads
            .finish(&bench.acme, &id, &digest, Keep::Pinned("test"))
            .await
            .unwrap();
        assert_eq!(again, finished);
        let late = uploads.append(&bench.acme, &id, 0, "x".into()).await;
        assert_eq!(kind(late), BlobErrorKind::Offset(700_000));
    });
}

#[test]
fn finished_upload_is_a_blob_and_stays_finished_after_a_restart() {
    run(async {
        let bench = Bench::new(Limits::NONE);
        let (depot, uploads) = bench.open().await;
        let id = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        uploads
            .append(&bench.acme, &id, 0, "whole".into())
            .await
            .unwrap();
        let digest = Digest::of(b"whole");
        let keep = Keep::Pinned("test");
        let finished = uploads
            .finish(&bench.acme, &id, &digest, keep)
            .await
            .unwrap();
        drop((uploads, depot));
        let (depot, uploads) = bench.open().await;
        let again = uploads
            .finish(&bench.acme, &id, &digest, keep)
            .await
            .unwrap();
        assert_eq!(again, finished);
        depot.sweep(&at_once()).await.unwrap();
        let acme = tenant(&depot, "acme");
        assert!(acme.has(&upload_label(&id)).await.unwrap());
        assert_eq!(acme.read(&digest, 0..u64::MAX).await.unwrap(), "whole");
        assert_eq!(
            stored(acme.usage().await.unwrap()),
            counted(&bench.store.inner).await
        );
    });
}

#[test]
fn crash_between_the_blob_and_its_mark_is_finished_again() {
    run(async {
        let bench = Bench::new(Limits::NONE);
        let (depot, uploads) = bench.open().await;
        let id = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        uploads
            .append(&bench.acme, &id, 0, "whole".into())
            .await
            .unwrap();
        let digest = Digest::of(b"whole");
        let save = |what| bench.dir.path().join(format!("{id}.{what}"));
        let (state, part) = (
            fs::read(save("state")).unwrap(),
            fs::read(save("part")).unwrap(),
        );
        uploads
            .finish(&bench.acme, &id, &digest, Keep::Pinned("test"))
            .await
            .unwrap();
        let usage = tenant(&depot, "acme").usage().await.unwrap();
        drop((depot, uploads));
        fs::write(save("state"), state).unwrap();
        fs::write(save("part"), part).unwrap();
        let (depot, uploads) = bench.open().await;
        uploads
            .finish(&bench.acme, &id, &digest, Keep::Pinned("test"))
            .await
            .unwrap();
        assert_eq!(tenant(&depot, "acme").usage().await.unwrap(), usage);
    });
}

#[test]
fn upload_is_its_tenants_until_it_expires() {
    run(async {
        let bench = Bench::new(Limits::NONE.with_uploads(2));
        let (depot, uploads) = bench.open().await;
        let id = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        let other = "other".parse().unwrap();
        assert_eq!(kind(uploads.status(&other, &id)), BlobErrorKind::NotFound);
        let stolen = uploads.append(&other, &id, 0, "x".into()).await;
        assert_eq!(kind(stolen), BlobErrorKind::NotFound);
        assert_eq!(
            kind(uploads.abort(&other, &id).await),
            BlobErrorKind::NotFound
        );
        uploads
            .append(&bench.acme, &id, 0, "abc".into())
            .await
            .unwrap();
        let second = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        let third = uploads.create(&bench.acme, bench.new_upload()).await;
        assert_eq!(kind(third), BlobErrorKind::Quota(Resource::Uploads));
        uploads.abort(&bench.acme, &second).await.unwrap();
        assert_eq!(
            kind(uploads.status(&bench.acme, &second)),
            BlobErrorKind::NotFound
        );
        uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap();

        bench.clock.pass(99);
        assert_eq!(uploads.collect().await.unwrap(), 0);
        bench.clock.pass(1);
        assert_eq!(
            kind(uploads.status(&bench.acme, &id)),
            BlobErrorKind::NotFound
        );
        assert_eq!(uploads.collect().await.unwrap(), 2);
        let usage = tenant(&depot, "acme").usage().await.unwrap();
        assert_eq!((usage.stored_bytes, usage.uploads), (0, 0));
        assert_eq!(names(bench.dir.path()), 1, "only the lock");
    });
}

#[test]
fn store_that_fails_or_is_left_alone_costs_no_upload_and_no_room() {
    run(async {
        let bench = Bench::new(Limits::NONE.with_stored_bytes(1500));
        let (depot, uploads) = bench.open().await;
        let acme = tenant(&depot, "acme");
        let bytes = content(1, 1000);
        let digest = Digest::of(&bytes);
        let id = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        uploads
            .append(&bench.acme, &id, 0, bytes.clone())
            .await
            .unwrap();
        let much = uploads
            .append(&bench.acme, &id, 1000, content(2, 501))
            .await;
        assert_eq!(kind(much), BlobErrorKind::Quota(Resource::StoredBytes));
        let finish = || uploads.finish(&bench.acme, &id, &digest, Keep::Pinned("test"));
        bench.store.plan([Fault::Before]);
        assert_eq!(kind(finish().await), BlobErrorKind::Full);
        bench.store.plan([Fault::None, Fault::Hang]);
        let mut hangs = Box::pin(finish());
        // It gives way a few times before.
        (0..9).for_each(|_| assert!((&mut hangs).now_or_never().is_none()));
        drop(hangs);
        let usage = acme.usage().await.unwrap();
        assert_eq!(
            (
                usage.uploads,
                usage.stored_bytes - counted(&bench.store.inner).await.1
            ),
            (1, 1000)
        );
        // Twice its bytes would be more than there may be.
        depot.sweep(&at_once()).await.unwrap();
        finish().await.unwrap();
        assert_eq!(
            stored(acme.usage().await.unwrap()),
            counted(&bench.store.inner).await
        );
    });
}

#[test]
fn damaged_and_foreign_files_do_not_stop_the_others() {
    run(async {
        let bench = Bench::new(Limits::NONE);
        let (depot, uploads) = bench.open().await;
        assert_eq!(
            kind(Uploads::open(bench.dir.path(), depot.clone()).await),
            BlobErrorKind::Locked
        );
        let good = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        let bad = uploads
            .create(&bench.acme, bench.new_upload())
            .await
            .unwrap()
            .id;
        drop((uploads, depot));
        let path = |name: String| bench.dir.path().join(name);
        fs::write(path(format!("{bad}.state")), "{").unwrap();
        fs::write(path(format!("{}.part", "0".repeat(32))), "orphan").unwrap();
        fs::write(path(format!("{good}.new")), "half").unwrap();
        fs::write(path("note.txt".into()), "not ours").unwrap();
        let (_, uploads) = bench.open().await;
        assert_eq!(uploads.status(&bench.acme, &good).unwrap().offset, 0);
        assert_eq!(
            kind(uploads.status(&bench.acme, &bad)),
            BlobErrorKind::NotFound
        );
        assert_eq!(
            names(bench.dir.path()),
            4,
            "the lock, one upload, and what is not ours"
        );
    });
}

#[test]
fn how_far_it_is_can_be_asked_while_it_becomes_a_blob() {
    run(async {
        let bench = Bench::new(Limits::NONE);
        let bytes = content(1, 1_000_000);
        let digest = Digest::of(&bytes);
        let (_depot, uploads) = bench.open().await;
        let id = uploads.create(&bench.acme, bench.new_upload()).await;
        let id = id.unwrap().id;
        let append = uploads.append(&bench.acme, &id, 0, bytes.clone());
        append.await.unwrap();

        let told = AtomicU64::new(0);
        let tell = |stored| told.store(stored, Relaxed);
        let keep = Keep::Pinned("test");
        let mut finish = pin!(uploads.finish_telling(&bench.acme, &id, &digest, keep, &tell));
        let mut before = 0;
        while finish.as_mut().now_or_never().is_none() {
            assert!(told.load(Relaxed) > before, "it says how much is stored");
            before = told.load(Relaxed);
            let status = uploads.status(&bench.acme, &id).unwrap();
            assert_eq!((status.offset, status.finished), (1_000_000, None));
        }
        assert_eq!(before, 1_000_000);
        let status = uploads.status(&bench.acme, &id).unwrap();
        assert_eq!(status.finished, Some(digest));
    });
}
