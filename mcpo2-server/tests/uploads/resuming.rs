use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_core::Digest;
use mcpo2_testkit::raw::vendor::Era;
use serde_json::{Value, json};

use crate::{
    platform::{Platform, repr, yaml},
    support::{
        self, Gateway,
        client::{bare, modern, stateless},
        fact,
        process::{Mcpo2, mcpo2},
        rejects, vendor as upstream,
    },
};

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off_and_ends_with_its_digest() {
    let platform = Platform::new().await;
    let path = platform.begin("first, ").await;
    let head = |key: &str| platform.http(key, Method::HEAD, &path, "").answer();
    let status = head(&platform.ada).await;
    assert_eq!(status.status, StatusCode::NO_CONTENT);
    assert_eq!(status.header("upload-offset"), "7");
    assert_eq!(status.header("upload-complete"), "?0");
    assert_eq!(status.header("cache-control"), "no-store");

    let wrong = platform.patch(&path, 3, "?0", "second").answer().await;
    assert_eq!(wrong.status, StatusCode::CONFLICT);
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    assert_eq!(wrong.json()["expected-offset"], 7);
    assert_eq!(wrong.json()["provided-offset"], 3);

    // What the edge refuses has a record of its own, with who it was.
    let rejects = rejects(platform.gateway.records());
    assert_eq!(&*rejects[0].reason, "upload_offset");
    assert_eq!(rejects[0].status, Some(409));

    let more = platform.patch(&path, 7, "?0", "second, ").answer().await;
    assert_eq!(more.status, StatusCode::NO_CONTENT, "{}", more.text());
    assert_eq!(more.header("upload-offset"), "15");

    // With another digest it is not made an artifact, and nothing of it is lost.
    let whole = b"first, second, third";
    let last = |body: &'static str, at, digest: String| {
        let patch = platform.patch(&path, at, "?1", body);
        patch.with("repr-digest", &digest).answer()
    };
    let other = last("third", 15, repr(b"other")).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST, "{}", other.text());
    let done = last("", 20, repr(whole)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    assert_eq!(done.header("upload-complete"), "?1");
    let done = done.json();
    assert_eq!(done["digest"], Digest::of(whole).to_string());
    assert_eq!(done["size"], 20);
    let again = last("", 20, repr(whole)).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text());

    let uri = done["uri"].as_str().unwrap();
    let read = platform
        .read(&platform.ada, &format!("{uri}?bytes=7-13"))
        .await;
    assert_eq!(read.json()["result"]["contents"][0]["text"], "second");
    // The ledger has who began it and who ended it, under which rule.
    for method in ["mcpo2/artifacts/create", "mcpo2/artifacts/commit"] {
        let record = platform.gateway.call_of(method).await;
        assert_eq!(fact(&record, "decided")["effect"], "allow");
    }
    let commits = platform.gateway.calls().into_iter();
    let mut commits = commits.filter(|call| call.request.method == "mcpo2/artifacts/commit");
    let kept = fact(&commits.nth(1).unwrap(), "offloaded");
    assert_eq!(kept["bytes"], 20);
}

#[tokio::test]
async fn whose_it_is_not_finds_no_upload_and_no_artifact() {
    let platform = Platform::new().await;
    let denied = platform.http(&platform.ben, Method::POST, "/v1/artifacts", "x");
    let denied = denied.with("upload-complete", "?0").answer().await;
    assert_eq!(denied.status, StatusCode::NOT_FOUND, "{}", denied.text());

    let path = platform.begin("mine").await;
    for method in [Method::HEAD, Method::DELETE] {
        let theirs = platform
            .http(&platform.ben, method, &path, "")
            .answer()
            .await;
        assert_eq!((theirs.status, theirs.text()), (StatusCode::NOT_FOUND, ""));
    }
    let absent = "/v1/artifacts/u/00000000000000000000000000000000";
    let absent = platform.http(&platform.ada, Method::HEAD, absent, "");
    assert_eq!(absent.answer().await.status, StatusCode::NOT_FOUND);
    let stranger = platform.http("mcpo2_nobody", Method::HEAD, &path, "");
    assert_eq!(stranger.answer().await.status, StatusCode::UNAUTHORIZED);

    let uri = platform.put("a secret plan").await;
    assert_eq!(
        platform.get(&platform.ada, &uri).answer().await.text(),
        "a secret plan"
    );
    let theirs = platform.get(&platform.ben, &uri).answer().await;
    assert_eq!((theirs.status, theirs.text()), (StatusCode::NOT_FOUND, ""));
    let theirs = platform.read(&platform.ben, &uri).await;
    assert_eq!(theirs.code(), Some(-32602), "{}", theirs.text());
    // Why, only the ledger says.
    let reads = platform.gateway.calls().into_iter();
    let refused = reads.filter(|call| call.request.method == "resources/read");
    let cause = refused.last().unwrap().end.cause.unwrap();
    assert!(cause.ends_with("audience"), "{cause}");

    let ended = platform
        .http(&platform.ada, Method::DELETE, &path, "")
        .answer()
        .await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let gone = platform
        .http(&platform.ada, Method::HEAD, &path, "")
        .answer()
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn ten_megabytes_that_are_no_text_come_back_in_ranges_to_the_byte() {
    let platform = Platform::new().await;
    let mut state = 7_u32;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(10 << 20)
    .collect();
    let uri = platform.put(content.clone()).await;
    let whole = platform.get(&platform.ada, &uri).answer().await;
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert!(whole.body == content, "other bytes");
    for (from, to) in [
        (0, 0),
        (1, 70_000),
        (5_000_000, 5_300_000),
        (10_485_759, 10_485_759),
    ] {
        let part = platform.get(&platform.ada, &uri);
        let part = part
            .with("range", &format!("bytes={from}-{to}"))
            .answer()
            .await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert!(part.body == content[from..=to], "{from} to {to}");
    }
    let part = platform
        .read(&platform.ada, &format!("{uri}?bytes=100-200"))
        .await;
    let blob = part.json()["result"]["contents"][0]["blob"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(STANDARD.decode(blob).unwrap(), content[100..200]);
}

#[tokio::test]
async fn what_was_uploaded_is_for_tools_and_for_modules_that_may_know_it() {
    let platform = Platform::new().await;
    let uri = platform.put("alpha\nbeta\ngamma\n").await;
    let call = async |tool: &str, arguments: Value| {
        let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
        let body = stateless("1", "tools/call", &params);
        let ask = modern(platform.gateway.address, body).key(&platform.ada);
        ask.answer().await.json()
    };
    let read = call(
        "kept__artifact_read",
        json!({"uri": uri, "from": 2, "to": 2}),
    )
    .await;
    let text = read["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("beta\n"), "{text}");
    let found = call(
        "kept__artifact_search",
        json!({"uri": uri, "query": "gamma"}),
    )
    .await;
    assert!(found.to_string().contains("3:gamma"), "{found}");
    call(
        "reader__vendor_call",
        json!({"file": format!("{uri}?lines=1-1")}),
    )
    .await;
    let log = platform.reader.log();
    let received = log.of("tools/call").next().unwrap();
    let body = String::from_utf8_lossy(&received.body).into_owned();
    assert!(body.contains(r#"{"file":"alpha\n"}"#), "{body}");
}

#[tokio::test]
async fn what_is_too_much_or_says_nothing_is_refused() {
    let platform = Platform::new().await;
    let begin = |with: &'static str, value: &'static str| {
        let ask = platform.http(&platform.ada, Method::POST, "/v1/artifacts", "");
        ask.with("upload-complete", "?0").with(with, value).answer()
    };
    let long = begin("upload-length", "20971521").await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let wrong = begin("upload-offset", "seven").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);

    let path = platform.begin("").await;
    let kind = platform
        .http(&platform.ada, Method::PATCH, &path, "x")
        .answer()
        .await;
    assert_eq!(kind.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let silent = platform.http(&platform.ada, Method::PATCH, &path, "x");
    let silent = silent
        .with("content-type", "application/partial-upload")
        .answer()
        .await;
    assert_eq!(silent.status, StatusCode::BAD_REQUEST);
    let unsigned = platform.patch(&path, 0, "?1", "x").answer().await;
    assert_eq!(unsigned.status, StatusCode::BAD_REQUEST, "no digest");

    // A tenant has two uploads that go on at most.
    platform.begin("").await;
    let third = begin("upload-length", "1").await;
    assert_eq!(
        third.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "{}",
        third.text()
    );
}

#[tokio::test]
async fn who_sends_too_slowly_is_cut_off_and_loses_nothing() {
    let platform = Platform::new().await;
    let path = platform.begin("").await;
    let some = futures_util::stream::iter([Bytes::from("some")]);
    let never = futures_util::StreamExt::chain(some, futures_util::stream::pending());
    let slow = platform
        .patch(&path, 0, "?0", "")
        .chunks(never)
        .answer()
        .await;
    assert_eq!(slow.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(slow.header("connection"), "close");
    let status = platform
        .http(&platform.ada, Method::HEAD, &path, "")
        .answer()
        .await;
    assert_eq!(status.header("upload-offset"), "4");
}

#[tokio::test]
async fn uploads_and_references_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let reader = upstream(Era::Modern).await;
    let (ada, entry) = support::key("ada", "acme");
    let (_, other) = support::key("ben", "acme");
    let library = dir.path().join("library");
    let file = dir.path().join("mcpo2.yaml");
    std::fs::write(&file, yaml(&library, [&entry, &other], &reader.url())).unwrap();
    let file = file.to_str().unwrap();
    let serve = ["serve", "-f", file, "--listen", "127.0.0.1:0"];

    let mut first = Mcpo2::run(&serve);
    let address = first.address().await;
    let ask = |address, method: Method, path: &str, body: &'static str| {
        bare(address, body).method(method).path(path).key(&ada)
    };
    let put = ask(address, Method::POST, "/v1/artifacts", "it lasts");
    let put = put
        .with("repr-digest", &repr(b"it lasts"))
        .answer()
        .await
        .json();
    let begun = ask(address, Method::POST, "/v1/artifacts", "one ");
    let begun = begun.with("upload-complete", "?0").answer().await;
    let path = begun.header("location").to_owned();
    first.signal("KILL");
    first.ended().await;

    let mut second = Mcpo2::run(&serve);
    let address = second.address().await;
    let uri = put["uri"].as_str().unwrap();
    let read = uri.replace("mcpo2+artifact://gw.example/", "/v1/artifacts/");
    assert_eq!(
        ask(address, Method::GET, &read, "").answer().await.text(),
        "it lasts"
    );
    let patch = ask(address, Method::PATCH, &path, "two")
        .with("content-type", "application/partial-upload")
        .with("upload-offset", "4")
        .with("upload-complete", "?1")
        .with("repr-digest", &repr(b"one two"));
    let done = patch.answer().await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    second.signal("TERM");
    second.ended().await;
}

#[tokio::test]
async fn the_templates_of_artifacts_are_listed() {
    let platform = Platform::new().await;
    let body = stateless("1", "resources/templates/list", "");
    let ask = modern(platform.gateway.address, body).key(&platform.ben);
    let listed = ask.answer().await.json();
    let templates = listed["result"]["resourceTemplates"].as_array().unwrap();
    let uris: Vec<_> = templates
        .iter()
        .map(|it| it["uriTemplate"].as_str().unwrap())
        .collect();
    let ours = [
        "mcpo2+artifact://r/{id}{?bytes,lines}",
        "mcpo2+artifact://gw.example/r/{token}{?path,bytes,lines}",
    ];
    assert!(ours.iter().all(|uri| uris.contains(uri)), "{uris:?}");
}

/// What the command line put into a library, a gateway serves: by references that were signed there,
/// as a listing, file by file, and as the workspace that a call names.
#[tokio::test]
async fn a_tree_that_was_ingested_is_read_and_searched_through_the_gateway() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("tree")).unwrap();
    std::fs::write(at("tree/date.rs"), "fn parse_date() {}\n").unwrap();
    std::fs::write(at("tree/.env"), "PASSWORD=hunter2-canary\n").unwrap();
    let (ada, ada_entry) = support::key("ada", "acme");
    let (ben, ben_entry) = support::key("ben", "acme");
    let (tree, library) = (at("tree"), at("library"));
    let store = ["--store", &library, "--tenant", "acme"];
    let run = async |arguments: &[&str]| {
        let (code, said, why) = mcpo2(&[&["artifact"], arguments, &store[..]].concat()).await;
        assert_eq!(code, Some(0), "{why}");
        said
    };
    run(&["ingest", &tree, "--name", "web"]).await;
    let sign = [
        "--authority",
        "gw.example",
        "--principal",
        "ada",
        "--expires",
        "5m",
    ];
    let uri = run(&[&["ref", "web"], &sign[..]].concat()).await;
    let uri = uri.trim();

    let reader = upstream(Era::Modern).await;
    let yaml = yaml(
        place.path().join("library").as_path(),
        [&ada_entry, &ben_entry],
        &reader.url(),
    );
    let yaml = yaml.replace(
        "references:",
        "context: { workspaces: [web] }\n    references:",
    );
    let gateway = Gateway::governed(&yaml).await;
    let read = async |key: &str, uri: &str| {
        let body = stateless("1", "resources/read", &format!(r#""uri":"{uri}""#));
        modern(gateway.address, body).key(key).answer().await
    };
    let listing = read(&ada, uri).await.json();
    let listing = listing["result"]["contents"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    let entry: Value = serde_json::from_str(listing.trim()).unwrap();
    assert_eq!(
        entry["path"], "date.rs",
        "one file and no secret: {listing}"
    );
    let file = read(&ada, &format!("{uri}?path=date.rs&lines=1-1"))
        .await
        .json();
    assert_eq!(
        file["result"]["contents"][0]["text"],
        "fn parse_date() {}\n"
    );
    assert_eq!(read(&ben, uri).await.code(), Some(-32602));

    // What is revoked, beside the gateway, holds from its next reload on.
    let revoke = ["artifact", "revoke", "--store", &library, "--ref", uri];
    let (code, _, why) = mcpo2(&revoke).await;
    assert_eq!(code, Some(0), "{why}");
    gateway.reload().await;
    assert_eq!(read(&ada, uri).await.code(), Some(-32602));

    let params = r#""name":"reader__vendor_call","arguments":{"issue":"parse date is wrong"},
        "_meta":{"dev.mcpo2/workspace":{"name":"web"},"io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{}}"#;
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}}}"#);
    let called = modern(gateway.address, body).key(&ada).answer().await;
    assert_eq!(called.status, StatusCode::OK, "{}", called.text());
    let log = reader.log();
    let received = log.of("tools/call").next().unwrap();
    let body = String::from_utf8_lossy(&received.body).into_owned();
    assert!(body.contains("fn parse_date() {}"), "{body}");
    assert!(!body.contains("hunter2"), "{body}");
}
