use std::time::Duration;

use mcpo2_artifact::blob::{
    BlobErrorKind, BlobName, BlobStore as _, Keep, Kind, Limits, ObjectBlobs, Put,
};
use tokio::net::TcpListener;

use crate::{
    depot::{at_once, counted, depot, stored, tenant},
    server::{PREFIX, Server, client},
    support::{content, kind, name, space},
};

/// Asks for everything, and gets nothing.
async fn nothing_is_had(blobs: &ObjectBlobs, name: &BlobName) {
    let of = space(1);
    // What is short is sent at its end.
    let mut writer = blobs.writer(name, 4).await.unwrap();
    writer.write("text".into()).await.unwrap();
    let kinds = [
        kind(writer.finish().await),
        kind(blobs.writer(name, 9 << 20).await),
        kind(blobs.put(name, "text".into()).await),
        kind(blobs.read(name, 0..9).await),
        kind(blobs.read(name, 0..0).await),
        kind(blobs.head(name).await),
        kind(blobs.delete(name).await),
        kind(blobs.list(&of, Kind::Blob, None, 9).await),
        kind(blobs.spaces().await),
    ];
    assert_eq!(kinds, [BlobErrorKind::Io; 9]);
}

#[tokio::test]
async fn every_call_ends_while_the_server_is_down_and_nothing_is_lost_by_it() {
    let mut server = Server::start().await;
    let blobs = server.blobs();
    blobs.put(&name(1), "kept".into()).await.unwrap();
    let mut writer = blobs.writer(&name(2), 9 << 20).await.unwrap();
    writer.write(content(9 << 20)).await.unwrap();
    let mut other = blobs.writer(&name(3), 9 << 20).await.unwrap();

    server.stop().await;
    nothing_is_had(&blobs, &name(1)).await;
    assert_eq!(kind(writer.finish().await), BlobErrorKind::Io);
    let refused = other.write(content(9 << 20)).await;
    assert_eq!(kind(refused), BlobErrorKind::Io);
    drop(other);

    server.start_again().await;
    assert_eq!(blobs.read(&name(1), 0..9).await.unwrap(), "kept");
    assert_eq!(server.uploads(), 2);
    let mut writer = blobs.writer(&name(2), 9 << 20).await.unwrap();
    assert_eq!(server.uploads(), 1, "its own");
    writer.write(content(9 << 20)).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), Put::Created);
}

#[tokio::test(start_paused = true)]
async fn server_that_is_silent_is_given_up() {
    // It takes connections, since the kernel does, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap()).with_secret_access_key("secret");
    let blobs = ObjectBlobs::bucket(client.build().unwrap(), PREFIX);
    nothing_is_had(&blobs, &name(1)).await;
}

#[tokio::test]
async fn session_goes_on_when_the_server_is_back() {
    let mut server = Server::start().await;
    let blobs = server.blobs();
    let depot = depot(&server, Limits::NONE);
    let acme = tenant(&depot);
    let session = acme.session().await.unwrap();
    let before = session.put("before".into()).await.unwrap();
    session.commit("first", Keep::Pinned("test")).await.unwrap();

    server.stop().await;
    let io = BlobErrorKind::Io;
    assert_eq!(kind(session.put("lost".into()).await), io);
    assert_eq!(kind(session.put(content(4 << 20)).await), io);
    let pinned = Keep::Pinned("test");
    assert_eq!(kind(session.commit("second", pinned).await), io);
    assert_eq!(kind(acme.read(&before, 0..9).await), io);
    assert_eq!(
        kind(acme.presign(&before, Duration::from_secs(9)).await),
        io
    );
    assert_eq!(kind(acme.forget("first").await), io);
    assert_eq!(kind(depot.sweep(&at_once()).await), io);

    server.start_again().await;
    let large = session.put(content(4 << 20)).await.unwrap();
    session.commit("second", pinned).await.unwrap();
    drop(session);
    depot.sweep(&at_once()).await.unwrap();
    assert_eq!(acme.read(&before, 0..9).await.unwrap(), "before");
    let read = acme.read(&large, 0..u64::MAX).await.unwrap();
    assert!(read == content(4 << 20));
    assert!(acme.has("first").await.unwrap());
    assert_eq!(stored(acme.usage().await.unwrap()), counted(&blobs).await);
}
