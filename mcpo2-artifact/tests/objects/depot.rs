use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use mcpo2_artifact::blob::{
    BlobErrorKind, BlobStore, Chunking, Depot, Keep, Kind, Limits, MasterKey, Quotas, Resource,
    Session, SweepOptions, TenantBlobs, Usage,
};
use mcpo2_core::Digest;

use crate::{
    server::Server,
    support::{content, kind},
};

pub(crate) fn depot(server: &Server, limits: Limits) -> Depot {
    let keys = Arc::new(MasterKey::new([7; 32]));
    Depot::new(Arc::new(server.blobs()), keys, Quotas::new(limits))
}

pub(crate) fn tenant(depot: &Depot) -> TenantBlobs {
    depot.tenant(&"acme".parse().unwrap()).unwrap()
}

pub(crate) fn at_once() -> SweepOptions {
    SweepOptions::default().with_grace(Duration::ZERO)
}

/// What is really there, counted by hand.
pub(crate) async fn counted(store: &dyn BlobStore) -> (u64, u64) {
    let (mut objects, mut bytes) = (0, 0);
    for space in store.spaces().await.unwrap() {
        for kind in Kind::ALL {
            for listed in store.list(&space, kind, None, 9999).await.unwrap() {
                objects += 1;
                bytes += listed.head.size;
            }
        }
    }
    (objects, bytes)
}

pub(crate) fn stored(usage: Usage) -> (u64, u64) {
    (usage.objects, usage.stored_bytes)
}

async fn write(session: &Session, whole: &Bytes) -> Digest {
    let digest = Digest::of(whole);
    let size = whole.len().try_into().unwrap();
    let mut writer = session.writer(&digest, size).await.unwrap();
    for part in whole.chunks(3 << 20) {
        writer.write(Bytes::copy_from_slice(part)).await.unwrap();
    }
    writer.finish().await.unwrap();
    digest
}

#[tokio::test]
async fn depot_keeps_counts_and_sweeps_in_a_bucket() {
    let server = Server::start().await;
    let blobs = server.blobs();
    let depot = depot(&server, Limits::NONE.with_stored_bytes(24 << 20));
    let acme = tenant(&depot);
    let large = content(20 << 20);
    let session = acme.session().await.unwrap();
    let small = session.put("small".into()).await.unwrap();
    let digest = write(&session, &large).await;
    session.commit("one", Keep::Pinned("test")).await.unwrap();
    drop(session);
    assert_eq!(stored(acme.usage().await.unwrap()), counted(&blobs).await);

    // What nothing keeps counts until it is swept; what does not fit leaves nothing.
    let session = acme.session().await.unwrap();
    session.put(content(3 << 20)).await.unwrap();
    let refused = session.put(content(2 << 20)).await;
    let quota = BlobErrorKind::Quota(Resource::StoredBytes);
    assert_eq!(kind(refused), quota);
    drop(session);
    let report = depot.sweep(&at_once()).await.unwrap();
    assert!(report.blobs_deleted > 0 && report.damaged.is_empty());
    assert_eq!(stored(acme.usage().await.unwrap()), counted(&blobs).await);
    let read = acme.read(&digest, (9 << 20) - 1..(9 << 20) + 1).await;
    assert_eq!(read.unwrap(), large[(9 << 20) - 1..(9 << 20) + 1]);
    assert_eq!(acme.read(&small, 0..9).await.unwrap(), "small");

    // Another process, after this one, finds and counts the same.
    let usage = acme.usage().await.unwrap();
    let later = tenant(&self::depot(&server, Limits::NONE));
    assert_eq!(later.usage().await.unwrap(), usage);
    assert!(later.has("one").await.unwrap());
    acme.forget("one").await.unwrap();
    depot.sweep(&at_once()).await.unwrap();
    assert_eq!(
        kind(acme.read(&digest, 0..1).await),
        BlobErrorKind::NotFound
    );
    assert_eq!(acme.usage().await.unwrap(), Usage::default());
    assert_eq!(counted(&blobs).await, (0, 0));
}

#[tokio::test]
async fn url_reads_one_whole_blob_and_only_as_it_was_signed() {
    let server = Server::start().await;
    let acme = tenant(&depot(&server, Limits::NONE));
    let session = acme.session().await.unwrap();
    let small = session.put("small".into()).await.unwrap();
    let large = content(9 << 20);
    let digest = write(&session, &large).await;
    for (digest, whole) in [(small, Bytes::from("small")), (digest, large)] {
        let minute = Duration::from_secs(60);
        let url = acme.presign(&digest, minute).await.unwrap();
        let hex = digest.to_string();
        assert!(!url.contains(&hex[hex.len() - 32..]), "it tells no digest");
        assert!(server.get(&url).await == (200, whole.to_vec()));
        let (plain, signature) = url.split_once('?').unwrap();
        let longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
        assert_ne!(longer, url);
        let other = match plain.strip_suffix('0') {
            Some(rest) => format!("{rest}1?{signature}"),
            None => format!("{}0?{signature}", &plain[..plain.len() - 1]),
        };
        for bad in [plain, &longer, &other] {
            assert_eq!(server.get(bad).await.0, 403);
        }
    }
}

#[tokio::test]
async fn chunks_in_a_bucket_are_read_counted_and_not_signed_for() {
    let server = Server::start().await;
    let blobs = server.blobs();
    let depot = depot(&server, Limits::NONE).with_chunks(Chunking::default());
    let acme = tenant(&depot);
    let session = acme.session().await.unwrap();
    let large = content(6 << 20);
    let digest = write(&session, &large).await;
    let alone = acme.usage().await.unwrap().stored_bytes;
    let edited: Bytes = [&large[..3 << 20], b"edit", &large[3 << 20..]]
        .concat()
        .into();
    let other = write(&session, &edited).await;
    let both = acme.usage().await.unwrap().stored_bytes;
    assert!(both - alone < 5 << 20, "{both} after {alone}");
    session.commit("one", Keep::Pinned("test")).await.unwrap();
    drop(session);
    depot.sweep(&at_once()).await.unwrap();
    assert_eq!(stored(acme.usage().await.unwrap()), counted(&blobs).await);
    for (digest, whole) in [(digest, large), (other, edited)] {
        let read = acme.read(&digest, 1_000_000..5_000_000).await.unwrap();
        assert!(read == whole[1_000_000..5_000_000]);
        let url = acme.presign(&digest, Duration::from_secs(9)).await;
        assert_eq!(kind(url), BlobErrorKind::Unsupported);
    }
}
