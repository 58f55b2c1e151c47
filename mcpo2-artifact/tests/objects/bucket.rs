use std::{collections::HashSet, fs, time::Duration};

use mcpo2_artifact::{
    Key,
    blob::{BlobErrorKind, BlobStore as _, Kind, ObjectBlobs, Put, conformance},
};
use object_store::aws::S3ConditionalPut;

use crate::{
    server::{PREFIX, Server},
    support::{content, kind, name, space},
};

#[tokio::test]
async fn bucket_keeps_what_every_store_promises() {
    let server = Server::start().await;
    conformance::check(&server.blobs()).await.unwrap();
}

#[tokio::test]
async fn bucket_without_conditions_keeps_it_for_one_process() {
    let server = Server::start().await;
    let client = server
        .client()
        .with_secret_access_key("secret")
        .with_conditional_put(S3ConditionalPut::Disabled);
    let blobs = ObjectBlobs::bucket(client.build().unwrap(), PREFIX);
    conformance::check(&blobs).await.unwrap();
}

#[tokio::test]
async fn another_process_is_refused_by_the_server_itself() {
    let server = Server::start().await;
    let put = server.blobs().put(&name(1), "first".into()).await;
    assert_eq!(put.unwrap(), Put::Created);
    let other = server.blobs();
    let put = other.put(&name(1), "second".into()).await;
    assert_eq!(put.unwrap(), Put::Present);
    assert_eq!(other.read(&name(1), 0..9).await.unwrap(), "first");
}

#[tokio::test]
async fn wrong_key_reads_and_writes_nothing() {
    let server = Server::start().await;
    let guessed = server.client().with_secret_access_key("guessed");
    let guessed = ObjectBlobs::bucket(guessed.build().unwrap(), PREFIX);
    let refused = guessed.put(&name(1), "first".into()).await;
    assert_eq!(kind(refused), BlobErrorKind::Io);
    assert_eq!(fs::read_dir(server.bucket()).unwrap().count(), 0);
    server.blobs().put(&name(1), "there".into()).await.unwrap();
    assert_eq!(kind(guessed.head(&name(1)).await), BlobErrorKind::Io);
    assert_eq!(kind(guessed.read(&name(1), 0..9).await), BlobErrorKind::Io);
    assert_eq!(kind(guessed.spaces().await), BlobErrorKind::Io);
    assert_eq!(kind(guessed.delete(&name(1)).await), BlobErrorKind::Io);
    assert_eq!(server.blobs().read(&name(1), 0..9).await.unwrap(), "there");
}

#[tokio::test]
async fn missing_bucket_is_no_empty_one() {
    let server = Server::start().await;
    let client = server.client().with_secret_access_key("secret");
    let client = client.with_bucket_name("missing");
    let blobs = ObjectBlobs::bucket(client.build().unwrap(), PREFIX);
    let page = blobs.list(&space(1), Kind::Blob, None, 9).await;
    assert_eq!(kind(page), BlobErrorKind::Io);
    assert_eq!(kind(blobs.spaces().await), BlobErrorKind::Io);
}

#[tokio::test]
async fn list_goes_on_over_the_pages_of_the_server() {
    let server = Server::start().await;
    let dir = server.bucket().join(PREFIX).join(space(1).to_string());
    fs::create_dir_all(dir.join("b/deeper")).unwrap();
    let mut keys = HashSet::new();
    for number in 0..2100_u32 {
        let key = Key::from_bytes(*blake3::hash(&number.to_be_bytes()).as_bytes());
        fs::write(dir.join("b").join(key.to_string()), "text").unwrap();
        keys.insert(key);
    }
    let stray = Key::from_bytes([0; 32]).to_string();
    fs::write(dir.join("b/deeper").join(stray), "not ours").unwrap();
    fs::write(dir.join("b/readme"), "not ours").unwrap();

    let blobs = server.blobs();
    let all = blobs.list(&space(1), Kind::Blob, None, 9999).await.unwrap();
    let found: Vec<_> = all.iter().map(|listed| listed.key).collect();
    assert!(found.is_sorted());
    assert_eq!(found.len(), 2100);
    assert_eq!(found.iter().copied().collect::<HashSet<_>>(), keys);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let of = space(1);
        let page = blobs.list(&of, Kind::Blob, after.as_ref(), 800);
        let page = page.await.unwrap();
        paged.extend(page.iter().map(|listed| listed.key));
        match page.last() {
            Some(last) => after = Some(last.key),
            None => break,
        }
    }
    assert_eq!(paged, found);
}

#[tokio::test]
async fn upload_that_was_dropped_is_aborted_when_the_next_begins() {
    let server = Server::start().await;
    let blobs = server.blobs();
    let whole = content(9 << 20);
    let mut writer = blobs.writer(&name(1), 9 << 20).await.unwrap();
    writer.write(whole.clone()).await.unwrap();
    drop(writer);
    assert_eq!(server.uploads(), 1);

    let mut writer = blobs.writer(&name(1), 9 << 20).await.unwrap();
    assert_eq!(server.uploads(), 1, "its own");
    writer.write(whole.clone()).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), Put::Created);
    let mut writer = blobs.writer(&name(1), 9 << 20).await.unwrap();
    writer.write(whole.clone()).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), Put::Present);
    assert_eq!(server.uploads(), 0, "what is not needed is aborted at once");
    assert_eq!(blobs.read(&name(1), 0..u64::MAX).await.unwrap(), whole);
}

#[tokio::test]
async fn url_is_made_for_a_second_to_a_week_and_only_by_a_bucket() {
    let server = Server::start().await;
    let (blobs, week) = (server.blobs(), 7 * 24 * 3600);
    for seconds in [1, week] {
        let url = blobs.presign(&name(1), Duration::from_secs(seconds)).await;
        let expires = format!("X-Amz-Expires={seconds}&");
        assert!(url.unwrap().unwrap().contains(&expires));
    }
    for valid in [
        Duration::ZERO,
        Duration::from_millis(999),
        Duration::from_secs(week + 1),
    ] {
        let refused = blobs.presign(&name(1), valid).await;
        assert_eq!(kind(refused), BlobErrorKind::Unsupported);
    }
    let memory = ObjectBlobs::new(object_store::memory::InMemory::new(), "");
    let none = memory.presign(&name(1), Duration::from_secs(1)).await;
    assert_eq!(none.unwrap(), None);
}
