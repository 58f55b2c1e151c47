//! The index in PostgreSQL, with a server for each test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process,
    sync::Arc,
    time::Duration,
};

use mcpo2_audit::{
    conformance,
    index::{
        Difference, Error, ErrorKind, Filter, Index, Indexer, PostgresIndex, PostgresOptions,
        Query, Row, TenantScope, check, reindex,
    },
};
use postgres::{Client, NoTls};

mod support {
    pub(crate) mod postgres;
    #[path = "mod.rs"]
    pub(crate) mod rows;
}

use support::{
    postgres::Postgres,
    rows::{Rows, id, rows},
};

const LONG: Duration = Duration::from_secs(120);

fn options(server: &Postgres) -> PostgresOptions {
    PostgresOptions::new(&server.url(), "acme.example/one").unwrap()
}

fn open(server: &Postgres) -> PostgresIndex {
    PostgresIndex::open(options(server)).unwrap()
}

fn raw(server: &Postgres) -> Client {
    let mut client = Client::connect(&server.url(), NoTls).unwrap();
    client
        .batch_execute("SET search_path TO mcpo2_audit")
        .unwrap();
    client
}

/// An address at which nobody listens. No other process has its host, so that the port is given to
/// nobody else until the server takes it.
fn free_address() -> SocketAddr {
    // Numbers of processes are less than 2^22, so that the bit takes nothing from them.
    let [_, a, b, c] = process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, a | 128, b, c);
    TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn it_keeps_what_every_index_promises() {
    let server = Postgres::start();
    conformance::check(|| open(&server), 20).unwrap();
}

#[test]
fn others_read_its_views() {
    let server = Postgres::start();
    let mut index = open(&server);
    index.apply(&rows(0..3)).unwrap();
    let start = serde_json::json!({
        "id": id(3), "time": "2026-11-21T02:00:00Z", "kind": "server_start", "action": "start",
        "detail": { "version": "0.1.0" },
    });
    index
        .apply(&[Row::from_json(3, 0, 0, &start).unwrap()])
        .unwrap();
    let mut client = raw(&server);
    let calls = "SELECT id::text, ts::text, tenant, principal, tool, module, family, decision, \
                 outcome, duration_ms, bytes_in, bytes_out, trace_id, rule_ids \
                 FROM tool_calls ORDER BY ts";
    let calls = client.query(calls, &[]).unwrap();
    let outcomes: Vec<String> = calls.iter().map(|call| call.get("outcome")).collect();
    assert_eq!(outcomes, ["ok", "denied"]);
    let text = |column: &str| calls[0].get::<_, String>(column);
    assert_eq!((text("id"), text("tenant")), (id(0), "acme".into()));
    assert_eq!(
        (text("principal"), text("tool")),
        ("ci-bot".into(), "git__get_issue".into())
    );
    assert_eq!(
        (text("module"), text("decision")),
        ("git".into(), "allow".into())
    );
    assert!((calls[0].get::<_, f64>("duration_ms") - 3.128).abs() < 1e-9);
    assert_eq!(calls[0].get::<_, Vec<String>>("rule_ids"), ["reads", "r2"]);
    let events = "SELECT kind, action, detail::text FROM audit_events WHERE kind = 'server_start'";
    let event = client.query_one(events, &[]).unwrap();
    assert_eq!(event.get::<_, String>("action"), "start");
    let detail = event.get::<_, String>("detail");
    assert!(
        detail.contains(r#""version": "0.1.0""#) && detail.contains(r#""seq": 3"#),
        "{detail}"
    );
}

#[test]
fn an_index_of_another_ledger_or_of_a_newer_version_is_not_used() {
    let server = Postgres::start();
    drop(open(&server));
    let refused = |options| PostgresIndex::open(options).map(drop).unwrap_err().kind();
    let other = PostgresOptions::new(&server.url(), "acme.example/two").unwrap();
    assert_eq!(refused(other.clone()), ErrorKind::OtherLedger);
    let beside = PostgresIndex::open(other.with_schema("ledger_two").unwrap()).unwrap();
    assert_eq!(beside.last_indexed().unwrap(), None);
    raw(&server)
        .execute("INSERT INTO migration (version) VALUES (99)", &[])
        .unwrap();
    assert_eq!(refused(options(&server)), ErrorKind::Newer);
    assert!(options(&server).with_schema("x; drop").is_err());
    assert!(PostgresOptions::new("host=", "x").is_err());
}

#[test]
fn over_tcp_it_takes_tls_that_it_can_verify_or_nothing() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let at = free_address();
    let _server = Postgres::start_with_tls(at, &pem, &key);
    let (host, port) = (at.ip(), at.port());
    let url = format!("host=localhost hostaddr={host} port={port} user=mcpo2 dbname=postgres");
    let options = || PostgresOptions::new(&url, "acme.example/one").unwrap();
    let error = PostgresIndex::open(options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut index = PostgresIndex::open(options().with_tls(Arc::new(tls))).unwrap();
    index.apply(&rows(0..10)).unwrap();
    let plain = format!("{url} sslmode=disable");
    let mut plain = Client::connect(&plain, NoTls).unwrap();
    let under_tls = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'mcpo2-audit'";
    assert!(plain.query_one(under_tls, &[]).unwrap().get::<_, bool>(0));
}

#[test]
fn an_edited_index_is_found_and_made_anew() {
    let server = Postgres::start();
    let (mut index, mut ledger) = (open(&server), Rows::new(0..2500));
    reindex(&mut index, &mut ledger, drop).unwrap();
    let edit = "UPDATE entry SET effect = 'allow' WHERE seq = 1502";
    assert_eq!(raw(&server).execute(edit, &[]).unwrap(), 1);
    let checked = check(&index, &mut ledger, drop).unwrap();
    let expected = Difference::Edited {
        seq: 1502,
        column: "effect",
    };
    assert_eq!((checked.rows, checked.difference), (1502, Some(expected)));
    reindex(&mut index, &mut ledger, drop).unwrap();
    assert_eq!(check(&index, &mut ledger, drop).unwrap().difference, None);
}

#[test]
fn what_postgres_cannot_hold_is_invalid() {
    let server = Postgres::start();
    let mut index = open(&server);
    let mut odd = rows(0..2);
    odd[1].what.method = Some("a\0b".into());
    let error: Error = index.apply(&odd).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(index.last_indexed().unwrap(), None);
    let nul = Query::new(TenantScope::All).with(Filter::Method("a\0b".into()));
    assert!(index.query(&nul).unwrap().rows.is_empty());
}

#[test]
fn a_server_that_is_killed_under_load_loses_nothing() {
    let mut server = Postgres::start();
    let ledger = Rows::new(0..2_000);
    let indexer = Indexer::spawn(Box::new(open(&server)), ledger.clone()).unwrap();
    let reader = open(&server);
    let mut head = 2_000;
    for round in 0..3_u64 {
        // It is killed while rows are on their way, and more come while it is gone.
        ledger.0.lock().unwrap().extend(rows(head..head + 6_000));
        assert!(indexer.wait_for(head + round * 900, LONG));
        server.kill();
        head += 6_000;
        ledger.0.lock().unwrap().extend(rows(head..head + 500));
        head += 500;
        assert!(reader.last_indexed().is_err());
        server.restart();
        // It connects again by itself, as soon as its pause is over.
        while reader.last_indexed().is_err() {}
    }
    assert!(indexer.wait_for(head - 1, LONG), "{:?}", indexer.status());
    assert_eq!(indexer.status().behind(), Some(0));
    drop(indexer.stop());
    let index = open(&server);
    let checked = check(&index, &mut ledger.clone(), drop).unwrap();
    assert_eq!((checked.rows, checked.difference), (head, None));
}
