//! An index in PostgreSQL beside a gateway that serves: nothing waits for it, and it misses nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../mcpo2-audit/tests/support/postgres.rs"]
#[allow(dead_code, reason = "it can do more than is asked of it here")]
mod postgres;
mod support;

use std::{net::SocketAddr, path::Path};

use http::StatusCode;
use mcpo2_testkit::raw::vendor::Era;
use serde_json::Value;

use self::{
    postgres::Postgres,
    support::{
        Gateway,
        client::{Ask, bare, modern, stateless},
        observed,
        process::{Mcpo2, mcpo2, path},
        soon, vendor as upstream,
    },
};

/// A configuration with an index there, whose secret is in a file of its own.
fn configuration(dir: &Path, database: &Postgres, upstream: &str) -> String {
    let secret = dir.join("url");
    std::fs::write(&secret, format!("{}\n", database.url())).unwrap();
    let url = format!("${{file:{}}}", path(&secret));
    let audit = format!(
        "audit: {{ dir: ledger, durability: group, index: {{ postgres: {{ url: \"{url}\", schema: \
         searched }} }} }}\n"
    );
    observed(upstream, &audit)
}

async fn calls(address: SocketAddr, count: usize) {
    for _ in 0..count {
        let body = stateless("1", "tools/call", r#""name":"module__vendor_call""#);
        let answer = modern(address, body).answer().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
}

/// What the metric of this name says.
async fn metric(address: SocketAddr, name: &str) -> u64 {
    let ask: Ask = bare(address, "").method(http::Method::GET).path("/metrics");
    let answer = ask.answer().await;
    let mut lines = answer.text().lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

async fn until_metric(address: SocketAddr, name: &str, is_so: impl Fn(u64) -> bool) {
    soon(name, async {
        while !is_so(metric(address, name).await) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

const BEHIND: &str = "mcpo2_audit_index_behind";
const FAILURES: &str = "mcpo2_audit_index_failures";

/// What a command prints that has to succeed.
async fn said(arguments: &[&str]) -> String {
    let (code, out, error) = mcpo2(arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {out}{error}");
    out
}

#[tokio::test]
async fn calls_do_not_wait_for_an_index_that_is_gone_and_it_misses_none() {
    let mut database = Postgres::start();
    let upstream = upstream(Era::Modern).await;
    let files = tempfile::tempdir().unwrap();
    let yaml = configuration(files.path(), &database, &upstream.url());
    // It is not there when the gateway begins.
    database.kill();
    let gateway = Gateway::governed(&yaml).await;
    let address = gateway.address;
    calls(address, 10).await;
    until_metric(address, FAILURES, |failures| failures > 0).await;
    until_metric(address, BEHIND, |behind| behind > 20).await;
    database.restart();
    until_metric(address, BEHIND, |behind| behind == 0).await;
    assert_eq!(metric(address, FAILURES).await, 0);

    // It goes and comes again while calls are under way.
    for _ in 0..2 {
        let before = upstream.log().of("tools/call").count();
        let load = tokio::spawn(calls(address, 120));
        let under_way = upstream.wait_for(|log| log.of("tools/call").count() >= before + 10);
        soon("the load", under_way).await;
        database.kill();
        assert!(!load.is_finished(), "no call is under way");
        load.await.unwrap();
        calls(address, 10).await;
        until_metric(address, BEHIND, |behind| behind > 0).await;
        database.restart();
        until_metric(address, BEHIND, |behind| behind == 0).await;
    }
    let (ledger, file) = (
        path(&gateway.dir.path().join("ledger")),
        path(&files.path().join("mcpo2.yaml")),
    );
    std::fs::write(&file, &yaml).unwrap();
    let checked = said(&["audit", "reindex", "--check", "--index", &file, &ledger]).await;
    assert!(checked.starts_with("ok: "), "{checked}");
    let all = ["audit", "query", &ledger, "--all-tenants", "-n", "1000"];
    let how = ["--kind", "intent", "--format", "json"];
    let there = said(&[&all[..], &how, &["--index", &file]].concat()).await;
    let here = said(&[&all[..], &how].concat()).await;
    assert_eq!(there, here, "as the file beside the ledger says");
    assert_eq!(there.lines().count(), 10 + 2 * 130);
    let row: Value = serde_json::from_str(there.lines().next().unwrap()).unwrap();
    assert_eq!(row["outcome"], "ok");
}

#[tokio::test]
async fn a_gateway_ends_and_begins_without_its_index() {
    let mut database = Postgres::start();
    let upstream = upstream(Era::Modern).await;
    let dir = tempfile::tempdir().unwrap();
    let yaml = configuration(dir.path(), &database, &upstream.url());
    let file = path(&dir.path().join("mcpo2.yaml"));
    std::fs::write(&file, yaml).unwrap();
    let serve = ["serve", "-f", &file, "--listen", "127.0.0.1:0"];
    for _ in 0..2 {
        let mut gateway = Mcpo2::run(&serve);
        let address = gateway.address().await;
        calls(address, 3).await;
        database.kill();
        calls(address, 3).await;
        until_metric(address, FAILURES, |failures| failures > 0).await;
        gateway.signal("TERM");
        let (status, said) = gateway.ended().await;
        assert!(status.success(), "{said}");
        assert!(said.contains("the audit index lags"), "{said}");
        database.restart();
    }
    // Whoever searches brings it up to date as well.
    let ledger = path(&dir.path().join("ledger"));
    let query = ["audit", "query", &ledger, "--all-tenants", "--kind"];
    let rest = ["server_stop", "--index", &file];
    assert_eq!(said(&[&query[..], &rest].concat()).await.lines().count(), 2);
    said(&["audit", "reindex", "--index", &file, &ledger]).await;
    said(&["audit", "reindex", "--check", "--index", &file, &ledger]).await;
}
