//! A gateway before a proxy that harms what passes, before a module.

use std::net::SocketAddr;

use http::Method;
use mcpo2_audit::{CallRecord, Outcome};
use mcpo2_server::Mode;
use mcpo2_testkit::{
    chaos::Chaos,
    raw::{Canned, RawUpstream},
};

use crate::support::{
    self, Gateway,
    client::{self, Ask, modern, stateless},
};

pub(crate) struct Bench {
    pub(crate) upstream: RawUpstream,
    pub(crate) chaos: Chaos,
    pub(crate) gateway: Gateway,
}

impl Bench {
    /// `limits` are the members of the module's limits.
    pub(crate) async fn new(canned: Canned, limits: &str) -> Self {
        let upstream = RawUpstream::start(canned).await.unwrap();
        let chaos = Chaos::before(upstream.address()).await.unwrap();
        let yaml = limited(&chaos.url(), limits);
        let gateway = Gateway::start(&yaml, Mode::Observed).await;
        Self {
            upstream,
            chaos,
            gateway,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// A stateless call of this tool.
    pub(crate) fn call(&self, tool: &str) -> Ask {
        call(self.address(), tool)
    }

    /// What is known of the module from before ends: connections that would be used again.
    pub(crate) async fn disconnect(&self) {
        self.chaos.reset();
        support::soon(
            "the end of connections",
            self.chaos.wait_for(|seen| seen.open == 0),
        )
        .await;
    }

    /// How many calls of tools reached the module.
    pub(crate) fn reached(&self) -> usize {
        self.upstream.log().of("tools/call").count()
    }

    /// How the calls of tools ended, once there are so many of them in the ledger.
    pub(crate) async fn ended(&self, calls: usize) -> Vec<CallRecord> {
        support::until("the records of the calls", || {
            let ended = self.gateway.calls().into_iter();
            let ended: Vec<_> = ended
                .filter(|call| &*call.request.method == "tools/call")
                .collect();
            (ended.len() >= calls).then_some(ended)
        })
        .await
    }
}

pub(crate) fn call(address: SocketAddr, tool: &str) -> Ask {
    modern(
        address,
        stateless("1", "tools/call", &format!(r#""name":"{tool}""#)),
    )
}

/// Waits until so much of what the module said to nobody is counted: messages that are none,
/// answers and reports of progress. No more of it is.
pub(crate) async fn counted(address: SocketAddr, wanted: [(&str, u64); 3]) {
    support::soon("the noise", async {
        loop {
            let metrics = client::bare(address, "").method(Method::GET);
            let metrics = metrics.path("/metrics").answer().await;
            let counted = wanted.map(|(kind, _)| (kind, noise(metrics.text(), kind)));
            let too_much = |((_, is), (_, most)): (&(&str, u64), &(&str, u64))| is > most;
            assert!(!counted.iter().zip(&wanted).any(too_much), "{counted:?}");
            if counted == wanted {
                return;
            }
        }
    })
    .await;
}

fn noise(metrics: &str, kind: &str) -> u64 {
    let name = format!(r#"mcpo2_upstream_noise_total{{module="module",kind="{kind}"}} "#);
    let mut lines = metrics.lines();
    let count = lines.find_map(|line| line.strip_prefix(&name));
    count.unwrap().parse().unwrap()
}

/// The file for one module with these limits.
pub(crate) fn limited(url: &str, limits: &str) -> String {
    let approved = format!("approval: approved, limits: {{ {limits} }}");
    support::observed(url, "").replace("approval: approved", &approved)
}

/// The kind of error that a call ended with.
pub(crate) fn failed(call: &CallRecord) -> &str {
    match &call.end.outcome {
        Outcome::Failed { kind } => kind,
        other => panic!("{other:?}"),
    }
}

/// The codes of the gateway's own errors.
pub(crate) const UNAVAILABLE: Option<i64> = Some(-31002);
pub(crate) const TIMED_OUT: Option<i64> = Some(-31004);
pub(crate) const UPSTREAM: Option<i64> = Some(-31005);
pub(crate) const TOO_LARGE: Option<i64> = Some(-31006);
