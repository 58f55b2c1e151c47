use std::net::SocketAddr;

use http::{Method, StatusCode};

use crate::{
    house::{House, content, repr},
    support::{
        client::Ask,
        process::{mcpo2, path},
    },
};

#[tokio::test]
async fn what_is_uploaded_is_in_the_bucket_and_outlives_the_process() {
    let house = House::new("").await;
    let (first, at) = house.serve().await;
    let (small, large) = (content(100), content(9 << 20));
    let uris = [house.put(at, &small).await, house.put(at, &large).await];
    assert!(house.objects().contains(&small));
    assert!(house.objects().contains(&large));
    let library = house.dir.path().join("library");
    assert!(!library.join("blobs").exists(), "two places for blobs");
    assert!(library.join("keys").is_dir());

    // One process at a time has the library, wherever its blobs are.
    let text = std::fs::read_to_string(house.file()).unwrap();
    let other = house.dir.path().join("other.yaml");
    std::fs::write(&other, format!("{text}audit: {{ dir: other }}\n")).unwrap();
    let file = path(&other);
    let (code, _, said) = mcpo2(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]).await;
    assert!(code != Some(0) && said.contains("library"), "{said}");
    first.signal("KILL");
    first.ended().await;

    let (second, at) = house.serve().await;
    for (uri, whole) in uris.iter().zip([small, large]) {
        assert!(house.get(at, uri).await.body == whole, "other bytes");
    }
    second.signal("TERM");
    let (status, said) = second.ended().await;
    assert!(status.success(), "{said}");
}

#[tokio::test]
async fn sealed_blobs_are_sealed_in_the_bucket() {
    let house = House::new("  seal: true").await;
    let (_gateway, at) = house.serve().await;
    let plain = content(1000);
    let uri = house.put(at, &plain).await;
    assert!(house.get(at, &uri).await.body == plain, "other bytes");
    let clear = |object: &Vec<u8>| object.windows(16).any(|part| part == &plain[..16]);
    assert!(!house.objects().is_empty());
    assert!(!house.objects().iter().any(clear), "in the clear");
}

/// Completes the upload of `one two`.
fn last(house: &House, at: SocketAddr, place: &str, (offset, body): (&str, &'static str)) -> Ask {
    let patch = house.http(at, Method::PATCH, place, body);
    patch
        .with("content-type", "application/partial-upload")
        .with("upload-offset", offset)
        .with("upload-complete", "?1")
        .with("repr-digest", &repr(b"one two"))
}

#[tokio::test]
async fn bucket_that_is_down_fails_calls_until_it_is_back() {
    let mut house = House::new("").await;
    let (gateway, at) = house.serve().await;
    let uri = house.put(at, b"before").await;
    let begun = house.http(at, Method::POST, "/v1/artifacts", "one ");
    let begun = begun.with("upload-complete", "?0").answer().await;
    let place = begun.header("location").to_owned();

    house.bucket.cut().await;
    let read = house.get(at, &uri).await;
    assert!(read.status.is_server_error(), "{}", read.text());
    let failed = last(&house, at, &place, ("4", "two")).answer().await;
    assert!(failed.status.is_server_error(), "{}", failed.text());
    for answer in [&read, &failed] {
        let told = ["127.0.0.", "bucket", "user"];
        assert!(!told.iter().any(|it| answer.text().contains(it)));
    }

    house.bucket.mend().await;
    assert_eq!(house.get(at, &uri).await.text(), "before");
    let done = last(&house, at, &place, ("7", "")).answer().await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    let uri = done.json()["uri"].as_str().unwrap().to_owned();
    assert_eq!(house.get(at, &uri).await.text(), "one two");
    gateway.signal("TERM");
    gateway.ended().await;
}

#[tokio::test]
async fn wrong_key_opens_nothing_and_is_not_told() {
    let house = House::new("").await;
    std::fs::write(house.dir.path().join("secret"), "hunter2-canary").unwrap();
    let (gateway, at) = house.serve().await;
    let ask = house.http(at, Method::POST, "/v1/artifacts", "text");
    let put = ask.with("repr-digest", &repr(b"text")).answer().await;
    assert!(put.status.is_server_error(), "{}", put.text());
    gateway.signal("TERM");
    let (_, said) = gateway.ended().await;
    assert!(!said.contains("hunter2"), "{said}");
}
