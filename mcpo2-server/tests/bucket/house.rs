use std::{net::SocketAddr, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_core::Digest;
use tempfile::TempDir;

use crate::{
    server::{PREFIX, Server},
    support::{
        self,
        client::{Answer, Ask, bare},
        files,
        process::{Mcpo2, path},
    },
};

/// A bucket, and a configuration whose library is in it.
pub(crate) struct House {
    pub(crate) bucket: Server,
    pub(crate) ada: String,
    pub(crate) ben: String,
    pub(crate) dir: TempDir,
}

impl House {
    /// With this beside in the configuration of the library, which is its end.
    pub(crate) async fn new(library: &str) -> Self {
        let house = Self {
            bucket: Server::start().await,
            dir: tempfile::tempdir().unwrap(),
            ada: String::new(),
            ben: String::new(),
        };
        let (ada, ada_entry) = support::key("ada", "acme");
        let (ben, ben_entry) = support::key("ben", "acme");
        std::fs::write(house.dir.path().join("secret"), "secret\n").unwrap();
        let yaml = format!(
            r#"
version: 1
identity:
  api_keys:
    {ada_entry}
    {ben_entry}
policy:
  rules:
    - {{ id: all, effect: allow }}
library:
  dir: library
  authority: gw.example
  bucket:
    url: "s3://bucket/{PREFIX}"
    endpoint: "http://{address}"
    allow_http: true
    access_key_id: user
    secret_access_key: "${{file:secret}}"
{library}
"#,
            address = house.bucket.address()
        );
        std::fs::write(house.file(), yaml).unwrap();
        Self { ada, ben, ..house }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("mcpo2.yaml")
    }

    pub(crate) async fn serve(&self) -> (Mcpo2, SocketAddr) {
        let file = path(&self.file());
        let mut gateway = Mcpo2::run(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]);
        let address = gateway.address().await;
        (gateway, address)
    }

    pub(crate) fn http(
        &self,
        at: SocketAddr,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Ask {
        bare(at, body).method(method).path(path).key(&self.ada)
    }

    /// A whole file at once; its reference.
    pub(crate) async fn put(&self, at: SocketAddr, content: &[u8]) -> String {
        let ask = self.http(at, Method::POST, "/v1/artifacts", content.to_vec());
        let put = ask.with("repr-digest", &repr(content)).answer().await;
        assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
        put.json()["uri"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, at: SocketAddr, uri: &str) -> Answer {
        let path = uri.replace("mcpo2+artifact://gw.example/", "/v1/artifacts/");
        self.http(at, Method::GET, &path, "").answer().await
    }

    /// What is in the bucket, all objects together.
    pub(crate) fn objects(&self) -> Vec<Vec<u8>> {
        let found = files(&self.bucket.bucket().join(PREFIX));
        found.iter().map(|it| std::fs::read(it).unwrap()).collect()
    }
}

pub(crate) fn repr(content: &[u8]) -> String {
    let digest = STANDARD.encode(Digest::of(content).as_bytes());
    format!("blake3=:{digest}:")
}

/// Content that nothing compresses.
pub(crate) fn content(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
