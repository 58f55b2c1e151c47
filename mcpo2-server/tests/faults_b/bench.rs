//! A gateway before a module that remembers what reached it.

use std::net::SocketAddr;

use mcpo2_server::Mode;
use mcpo2_testkit::raw::{Log, RawUpstream, vendor::Era};

use crate::support::{
    self, Gateway,
    client::{Answer, modern, stateless},
};

pub(crate) struct Bench {
    pub(crate) upstream: RawUpstream,
    pub(crate) gateway: Gateway,
}

impl Bench {
    /// The module is called `module`, and everything is allowed.
    pub(crate) async fn observed() -> Self {
        let upstream = support::vendor(Era::Modern).await;
        let gateway = Gateway::before(&upstream.url()).await;
        Self { upstream, gateway }
    }

    /// The module is called `module`, and these rules say what is allowed.
    pub(crate) async fn governed(rules: &str) -> Self {
        let upstream = support::vendor(Era::Modern).await;
        let yaml = support::observed(&upstream.url(), "");
        let (before, _) = yaml.split_once("policy:").unwrap();
        let yaml = format!("{before}policy:\n  rules:\n{rules}");
        let gateway = Gateway::start(&yaml, Mode::Governed).await;
        Self { upstream, gateway }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// Whether the module is still called as it should be.
    pub(crate) async fn still_serves(&self) -> bool {
        let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
        let answer = modern(self.address(), body).answer().await;
        answer.json()["result"].is_object()
    }

    pub(crate) async fn ask(&self, method: &str, params: &str) -> Answer {
        let body = stateless("1", method, params);
        modern(self.address(), body).answer().await
    }

    /// How many calls of tools reached the module.
    pub(crate) fn reached(&self) -> usize {
        reached(&self.upstream.log())
    }
}

pub(crate) fn reached(log: &Log) -> usize {
    log.of("tools/call").count()
}
