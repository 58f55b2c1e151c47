//! What became a reference: read by tools of the gateway, and given to modules that may know it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use http::{Method, StatusCode};
use mcpo2_core::Digest;
use mcpo2_testkit::raw::{
    RawUpstream,
    vendor::{self, Era},
};
use serde_json::{Value, json};

use self::support::{
    Gateway,
    client::{Answer, Ask, bare, modern, stateless},
    fact, vendor as upstream,
};

/// `ada` and `ben` of one tenant before two modules, the second of which is given what references
/// name.
struct Platform {
    reader: RawUpstream,
    gateway: Gateway,
    ada: String,
    ben: String,
    _source: RawUpstream,
}

impl Platform {
    async fn new() -> Self {
        let source = upstream(Era::Modern).await;
        let reader = upstream(Era::Modern).await;
        let (ada, ada_entry) = support::key("ada", "acme");
        let (ben, ben_entry) = support::key("ben", "acme");
        let yaml = yaml([&ada_entry, &ben_entry], [&source.url(), &reader.url()]);
        let gateway = Gateway::governed(&yaml).await;
        Self {
            reader,
            gateway,
            ada,
            ben,
            _source: source,
        }
    }

    async fn ask(&self, key: &str, method: &str, params: &str) -> Answer {
        let body = stateless("1", method, params);
        modern(self.gateway.address, body).key(key).answer().await
    }

    async fn call(&self, key: &str, tool: &str, arguments: Value) -> Answer {
        let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
        self.ask(key, "tools/call", &params).await
    }

    /// A reference to a result of the first module.
    async fn kept(&self) -> String {
        let answer = self.call(&self.ada, "source__vendor_call", json!({})).await;
        let (_, from) = answer.text().split_once("mcpo2+artifact://r/").unwrap();
        let id = from.split(['"', '?', '\\']).next().unwrap();
        format!("mcpo2+artifact://r/{id}")
    }
}

fn yaml([ada, ben]: [&str; 2], [source, reader]: [&str; 2]) -> String {
    format!(
        r#"
version: 1
identity:
  api_keys:
    {ada}
    {ben}
modules:
  - {{ id: source, family: data, approval: approved, http: {{ url: "{source}" }} }}
  - id: reader
    family: data
    approval: approved
    http: {{ url: "{reader}" }}
    references: {{ tools: ["vendor_*"], as: json }}
  - {{ id: kept, family: data, approval: approved, builtin: artifact }}
policy:
  rules:
    - {{ id: all, effect: allow }}
    - {{ id: short, effect: allow, tools: [source__vendor_call], obligations: {{ max_result_bytes: 300 }} }}
artifact: {{ preview_bytes: 64 }}
"#
    )
}

#[tokio::test]
async fn tools_of_the_gateway_read_what_was_kept_for_their_caller_alone() {
    let platform = Platform::new().await;
    let listed = platform.ask(&platform.ada, "tools/list", "").await;
    for tool in ["read", "search", "outline"] {
        let name = format!(r#""kept__artifact_{tool}""#);
        assert!(listed.text().contains(&name), "{}", listed.text());
    }
    let uri = platform.kept().await;
    let whole = vendor::result(Era::Modern, "tools/call").unwrap();
    let asked = json!({"uri": uri});
    let read = platform
        .call(&platform.ada, "kept__artifact_read", asked.clone())
        .await;
    let text = read.json()["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(text.starts_with(&*whole), "{text}");
    let record = platform.gateway.call_of("tools/call").await;
    assert_eq!(fact(&record, "routed")["module"], "source");

    let theirs = platform
        .call(&platform.ben, "kept__artifact_read", asked)
        .await
        .json();
    assert_eq!(theirs["result"]["isError"], true);
    assert_eq!(
        theirs["result"]["content"][0]["text"],
        "no such artifact, or none of yours"
    );
}

#[tokio::test]
async fn a_module_is_given_what_a_reference_names_if_it_may_know() {
    let platform = Platform::new().await;
    let uri = platform.kept().await;
    let whole = vendor::result(Era::Modern, "tools/call").unwrap();
    let asked = json!({"file": uri});
    platform
        .call(&platform.ada, "reader__vendor_call", asked.clone())
        .await;
    let log = platform.reader.log();
    let received = log.of("tools/call").next().unwrap();
    let given = json!({"file": &*whole}).to_string();
    let body = std::str::from_utf8(&received.body).unwrap().to_owned();
    assert!(body.contains(&given), "{body}");

    let theirs = platform
        .call(&platform.ben, "reader__vendor_call", asked)
        .await;
    assert_eq!(theirs.code(), Some(-32602), "{}", theirs.text());
    assert_eq!(platform.reader.log().of("tools/call").count(), 1);
}

impl Platform {
    /// A plain GET of an artifact, as HTTP has it.
    fn get(&self, key: &str, uri: &str) -> Ask {
        let path = uri.replace("mcpo2+artifact://", "/v1/artifacts/");
        let ask = bare(self.gateway.address, "").method(Method::GET);
        ask.path(&path).key(key)
    }
}

#[tokio::test]
async fn an_artifact_is_read_over_plain_http_whole_in_parts_and_not_twice() {
    let platform = Platform::new().await;
    let uri = platform.kept().await;
    let whole = vendor::result(Era::Modern, "tools/call").unwrap();
    let answer = platform.get(&platform.ada, &uri).answer().await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, &*whole));
    assert_eq!(answer.header("content-length"), whole.len().to_string());
    let tag = answer.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", Digest::of(whole.as_bytes())));

    let part = platform
        .get(&platform.ada, &uri)
        .with("range", "bytes=5-14")
        .answer()
        .await;
    assert_eq!(
        (part.status, part.text()),
        (StatusCode::PARTIAL_CONTENT, &whole[5..15])
    );
    let range = format!("bytes 5-14/{}", whole.len());
    assert_eq!(part.header("content-range"), range);
    let other = platform
        .get(&platform.ada, &uri)
        .with("range", "bytes=5-14");
    let other = other.with("if-range", "\"b3:00\"").answer().await;
    assert_eq!(other.status, StatusCode::OK);

    let known = platform
        .get(&platform.ada, &uri)
        .with("if-none-match", &tag)
        .answer()
        .await;
    assert_eq!((known.status, known.text()), (StatusCode::NOT_MODIFIED, ""));
    let beyond = platform
        .get(&platform.ada, &uri)
        .with("range", "bytes=999999-")
        .answer()
        .await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        beyond.header("content-range"),
        format!("bytes */{}", whole.len())
    );
    let head = platform
        .get(&platform.ada, &uri)
        .method(Method::HEAD)
        .answer()
        .await;
    assert_eq!((head.status, head.text()), (StatusCode::OK, ""));
    assert_eq!(head.header("content-length"), whole.len().to_string());
}

#[tokio::test]
async fn over_plain_http_too_a_stranger_and_another_caller_learn_nothing() {
    let platform = Platform::new().await;
    let uri = platform.kept().await;
    let stranger = platform.get("mcpo2_nobody", &uri).answer().await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let theirs = platform.get(&platform.ben, &uri).answer().await;
    let absent = "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA";
    for nothing in [theirs, platform.get(&platform.ada, absent).answer().await] {
        assert_eq!(
            (nothing.status, nothing.text()),
            (StatusCode::NOT_FOUND, "")
        );
        assert_eq!(nothing.header("etag"), "");
    }
    let ask = platform.get(&platform.ada, &uri).method(Method::DELETE);
    assert_eq!(ask.answer().await.status, StatusCode::METHOD_NOT_ALLOWED);
}
