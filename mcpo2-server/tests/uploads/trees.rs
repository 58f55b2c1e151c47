//! An archive that is uploaded becomes the tree that is in it.

use http::{Method, StatusCode};
use mcpo2_core::Digest;
use serde_json::{Value, json};

use crate::{
    platform::{Platform, repr},
    support::client::{Answer, modern},
};

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len().try_into().unwrap());
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

fn shop() -> Vec<u8> {
    archive(&[
        ("shop-1.0/README.md", "# A shop\n"),
        (
            "shop-1.0/src/date.rs",
            "/// Reads dates.\nfn parse_date() {}\n",
        ),
        ("shop-1.0/.env", "PASSWORD=hunter2\n"),
    ])
}

async fn put(platform: &Platform, query: &str, content: Vec<u8>) -> Answer {
    let path = format!("/v1/artifacts{query}");
    let digest = repr(&content);
    let ask = platform.http(&platform.ada, Method::POST, &path, content);
    ask.with("repr-digest", &digest).answer().await
}

#[tokio::test]
async fn a_tree_is_listed_read_by_path_and_kept_from_others() {
    let platform = Platform::new().await;
    let done = put(&platform, "?as=tree&strip=1", shop()).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text());
    let done = done.json();
    assert_eq!(done["digest"], Digest::of(&shop()).to_string());
    assert_eq!(done["tree"]["entries"], 2);
    assert_eq!(done["tree"]["withheld"], 1, "what looks like a secret");
    let uri = done["uri"].as_str().unwrap();

    let listing = platform.read(&platform.ada, uri).await.json();
    let listing = listing["result"]["contents"][0]["text"].as_str().unwrap();
    let paths: Vec<Value> = listing
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(paths[0]["path"], "README.md");
    assert_eq!(paths[1]["path"], "src/date.rs");
    let part = format!("{uri}?path=src/date.rs&lines=2-2");
    let part = platform.read(&platform.ada, &part).await.json();
    assert_eq!(
        part["result"]["contents"][0]["text"],
        "fn parse_date() {}\n"
    );
    for path in [".env", "shop-1.0/README.md"] {
        let none = platform
            .read(&platform.ada, &format!("{uri}?path={path}"))
            .await;
        assert_eq!(none.code(), Some(-32602), "{path}: {}", none.text());
    }
    let theirs = platform.read(&platform.ben, uri).await;
    assert_eq!(theirs.code(), Some(-32602), "{}", theirs.text());

    // The same tree, packed otherwise, is the same.
    let again = archive(&[
        ("src/date.rs", "/// Reads dates.\nfn parse_date() {}\n"),
        ("README.md", "# A shop\n"),
    ]);
    let again = put(&platform, "?as=tree", again).await.json();
    assert_eq!(again["tree"]["root"], done["tree"]["root"]);
}

#[tokio::test]
async fn what_is_no_archive_or_too_much_is_refused_and_stays_an_upload() {
    let platform = Platform::new().await;
    let none = put(&platform, "?as=tree", b"fn main() {}\n".to_vec()).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST, "{}", none.text());
    assert_eq!(
        none.json()["title"],
        "no archive: tar, tar.gz, tar.zst or zip"
    );

    let mut torn = shop();
    torn.truncate(700);
    let torn = put(&platform, "?as=tree", torn).await;
    assert_eq!(torn.status, StatusCode::BAD_REQUEST, "{}", torn.text());

    // More files than the configuration allows.
    let many: Vec<_> = (0..60).map(|number| format!("{number}.txt")).collect();
    let many: Vec<_> = many.iter().map(|name| (&**name, "x")).collect();
    let many = put(&platform, "?as=tree", archive(&many)).await;
    assert_eq!(
        many.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "{}",
        many.text()
    );

    let wrong = put(&platform, "?as=forest", shop()).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.text());
}

#[tokio::test]
async fn who_commits_over_mcp_is_told_how_far_it_is() {
    let platform = Platform::new().await;
    // As much as may be uploaded, so that there are many steps of which a slow machine tells some.
    let content = archive(&[("a.txt", &"all the same\n".repeat(1_400_000))]);
    let begun = platform.http(
        &platform.ada,
        Method::POST,
        "/v1/artifacts",
        content.clone(),
    );
    let begun = begun.with("upload-complete", "?0").answer().await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
    let id = begun
        .header("location")
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();

    let digest = Digest::of(&content).to_string();
    let commit = async |tree: Value| {
        let params = format!(
            r#""uri":"mcpo2+artifact://gw.example/u/{id}","digest":"{digest}","tree":{tree},"_meta":{{"progressToken":"mine",{}}}"#,
            r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#,
        );
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"mcpo2/artifacts/commit","params":{{{params}}}}}"#
        );
        let ask = modern(platform.gateway.address, body).key(&platform.ada);
        ask.answer().await
    };
    let messages = |answer: &Answer| -> Vec<Value> {
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let lines = answer
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        lines
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    };
    let stored = commit(Value::Null).await;
    let stored = messages(&stored);
    let (last, told) = stored.split_last().unwrap();
    assert_eq!(last["result"]["digest"], digest);
    assert!(!told.is_empty(), "{stored:?}");
    for message in told {
        assert_eq!(message["method"], "notifications/progress");
        assert_eq!(message["params"]["progressToken"], "mine");
        assert_eq!(message["params"]["total"], content.len());
    }
    // To commit it once more, as a tree this time, stores it no more, and reads it.
    let tree = messages(&commit(json!({})).await);
    let (last, told) = tree.split_last().unwrap();
    assert_eq!(last["result"]["tree"]["entries"], 1, "{last}");
    assert!(told.len() > 2, "{told:?}");
    let numbers = told
        .iter()
        .map(|it| it["params"]["progress"].as_u64().unwrap());
    assert!(numbers.is_sorted_by(|one, next| one < next), "{told:?}");
    let unknown = commit(json!({"forest": 1})).await;
    assert_eq!(unknown.code(), Some(-32602), "{}", unknown.text());
}

#[tokio::test]
async fn who_watches_an_upload_sees_each_step_and_the_end() {
    let platform = Platform::new().await;
    let path = platform.begin("one ").await;
    let watch = |key: &str| {
        let ask = platform.http(key, Method::GET, &path, "");
        ask.with("accept", "text/event-stream").open()
    };
    let mut events = watch(&platform.ada).await;
    let first = events.event().await.unwrap();
    assert_eq!(first.data, r#"{"offset":4}"#);

    let whole = b"one two";
    let last = platform.patch(&path, 4, "?1", "two");
    let done = last.with("repr-digest", &repr(whole)).answer().await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    let mut seen = Value::Null;
    while let Some(event) = events.event().await {
        seen = serde_json::from_str(&event.data).unwrap();
    }
    let digest = Digest::of(whole).to_string();
    assert_eq!(seen, json!({"offset": 7, "digest": digest}));

    assert_eq!(watch(&platform.ben).await.status, StatusCode::NOT_FOUND);
    let plain = platform
        .http(&platform.ada, Method::GET, &path, "")
        .answer()
        .await;
    assert_eq!(plain.header("upload-complete"), "?1");
}
