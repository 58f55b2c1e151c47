use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_core::Digest;
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};

use crate::support::{
    self, Gateway,
    client::{Answer, Ask, bare, modern, stateless},
    vendor as upstream,
};

/// A gateway with a library, and two of its tenant: Ada, and Ben who begins nothing.
pub(crate) struct Platform {
    pub(crate) gateway: Gateway,
    pub(crate) ada: String,
    pub(crate) ben: String,
    pub(crate) reader: RawUpstream,
    _dir: tempfile::TempDir,
}

impl Platform {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let reader = upstream(Era::Modern).await;
        let (ada, ada_entry) = support::key("ada", "acme");
        let (ben, ben_entry) = support::key("ben", "acme");
        let yaml = yaml(dir.path(), [&ada_entry, &ben_entry], &reader.url());
        Self {
            gateway: Gateway::governed(&yaml).await,
            ada,
            ben,
            reader,
            _dir: dir,
        }
    }

    pub(crate) fn http(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Ask {
        let ask = bare(self.gateway.address, body).method(method);
        ask.path(path).key(key)
    }

    pub(crate) fn patch(
        &self,
        path: &str,
        offset: u64,
        complete: &str,
        body: impl Into<Bytes>,
    ) -> Ask {
        self.http(&self.ada, Method::PATCH, path, body)
            .with("content-type", "application/partial-upload")
            .with("upload-offset", &offset.to_string())
            .with("upload-complete", complete)
    }

    pub(crate) async fn begin(&self, body: &'static str) -> String {
        let ask = self.http(&self.ada, Method::POST, "/v1/artifacts", body);
        let begun = ask.with("upload-complete", "?0").answer().await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text());
        assert_eq!(begun.header("upload-offset"), body.len().to_string());
        begun.header("location").to_owned()
    }

    /// A whole file at once; its reference.
    pub(crate) async fn put(&self, content: impl Into<Bytes>) -> String {
        let content = content.into();
        let ask = self.http(&self.ada, Method::POST, "/v1/artifacts", content.clone());
        let put = ask.with("repr-digest", &repr(&content)).answer().await;
        assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
        put.json()["uri"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn read(&self, key: &str, uri: &str) -> Answer {
        let params = format!(r#""uri":"{uri}""#);
        let body = stateless("1", "resources/read", &params);
        modern(self.gateway.address, body).key(key).answer().await
    }

    pub(crate) fn get(&self, key: &str, uri: &str) -> Ask {
        let path = uri.replace("mcpo2+artifact://gw.example/", "/v1/artifacts/");
        self.http(key, Method::GET, &path, "")
    }
}

pub(crate) fn yaml(dir: &std::path::Path, [ada, ben]: [&str; 2], reader: &str) -> String {
    format!(
        r#"
version: 1
http: {{ timeouts: {{ body: 2s }} }}
identity:
  api_keys:
    {ada}
    {ben}
modules:
  - id: reader
    family: data
    approval: approved
    http: {{ url: "{reader}" }}
    references: {{ tools: ["vendor_*"] }}
  - {{ id: kept, family: data, approval: approved, builtin: artifact }}
policy:
  rules:
    - {{ id: all, effect: allow }}
    - id: ben-uploads-nothing
      effect: deny
      principals: [ben]
      methods: [mcpo2/artifacts/create]
library: {{ dir: {dir:?}, authority: gw.example, uploads: {{ max_size: 20MiB, trees: {{ max_files: 50 }} }}, limits: {{ uploads: 2 }} }}
"#
    )
}

pub(crate) fn repr(content: &[u8]) -> String {
    let digest = STANDARD.encode(Digest::of(content).as_bytes());
    format!("sha-256=:AA==:, blake3=:{digest}:")
}
