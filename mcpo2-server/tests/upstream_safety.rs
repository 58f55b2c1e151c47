//! What keeps modules in their place, from the configuration to the ledger: rows U10, U11 and T16.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, path::PathBuf, sync::Arc};

use mcpo2_route::upstream::stdio::{Confinement, Support};
use mcpo2_server::{Mode, config};
use mcpo2_testkit::raw::vendor::Era;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use self::support::{
    Gateway,
    client::{Answer, modern, stateless},
    process::Mcpo2,
    vendor,
};

/// A gateway before one module, under its own names, that this says how to reach.
async fn before(transport: &Value) -> Gateway {
    let mut module = json!({ "id": "module", "family": "general", "approval": "approved" });
    let both = module.as_object_mut().unwrap();
    both.extend(transport.as_object().unwrap().clone());
    let yaml = format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\n\
         modules: [ {module} ]\npolicy: {{ rules: [{{ id: all, effect: allow }}] }}\n"
    );
    Gateway::start(&yaml, Mode::Observed).await
}

fn http(settings: Value) -> Value {
    json!({ "http": settings })
}

async fn call(gateway: &Gateway, tool: &str, arguments: &Value) -> Answer {
    let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
    let body = stateless("1", "tools/call", &params);
    modern(gateway.address, body).answer().await
}

/// What the caller reads of a call that fails, and what the ledger has of it.
async fn failed(gateway: Gateway) -> (String, String) {
    let answer = call(&gateway, "vendor_call", &json!({})).await;
    assert!(answer.json()["error"].is_object(), "{}", answer.text());
    let record = gateway.call_of("tools/call").await;
    let recorded = serde_json::to_string(&record).unwrap();
    gateway.stop().await;
    (answer.text().to_owned(), recorded)
}

#[tokio::test]
async fn u10_a_module_that_is_elsewhere_is_not_called_and_the_ledger_says_why() {
    let upstream = vendor(Era::Modern).await;
    let port = upstream
        .url()
        .parse::<http::Uri>()
        .unwrap()
        .port_u16()
        .unwrap();
    // A name, as far as a URL goes, that leads to this machine.
    let url = format!("http://2130706433:{port}/mcp");
    let gateway = before(&http(json!({ "url": url }))).await;
    let (shown, recorded) = failed(gateway).await;
    assert!(
        recorded.contains("the address 127.0.0.1 is loopback"),
        "{recorded}"
    );
    for word in ["127.0.0.1", "loopback", "2130706433"] {
        assert!(!shown.contains(word), "{shown}");
    }
    assert_eq!(upstream.log().received.len(), 0);

    let declared = json!({ "url": url, "network": "loopback" });
    let gateway = before(&http(declared)).await;
    let answer = call(&gateway, "vendor_call", &json!({})).await;
    assert!(answer.json()["result"].is_object(), "{}", answer.text());
    gateway.stop().await;
}

#[tokio::test]
async fn u10_the_command_line_says_where_a_module_is_as_well() {
    let upstream = vendor(Era::Modern).await;
    let port = upstream
        .url()
        .parse::<http::Uri>()
        .unwrap()
        .port_u16()
        .unwrap();
    let url = format!("http://2130706433:{port}/mcp");
    for (more, reached) in [(&[] as &[_], false), (&["--network", "loopback"], true)] {
        let dir = tempfile::tempdir().unwrap();
        let dir = support::process::path(dir.path());
        let serve = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--dir",
            &dir,
            "--upstream",
            &url,
        ];
        let mut mcpo2 = Mcpo2::run(&[&serve, more].concat());
        let address = mcpo2.address().await;
        let body = stateless("1", "tools/call", r#""name":"vendor_call""#);
        let answer = modern(address, body).answer().await;
        assert_eq!(
            answer.json()["result"].is_object(),
            reached,
            "{}",
            answer.text()
        );
    }
}

/// Speaks TLS by this certificate, and passes what is in it on to `to`: the port.
async fn tls(certificate: &str, key: &str, to: String) -> u16 {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let chain = rustls::pki_types::CertificateDer::pem_slice_iter(certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut inner = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn u11_a_private_authority_is_trusted_for_its_module_and_the_cause_of_a_refusal_is_recorded()
{
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let upstream = vendor(Era::Modern).await;
    let to = upstream.url().parse::<http::Uri>().unwrap();
    for (name, year, cause) in [
        ("localhost", 2999, None),
        ("localhost", 2021, Some("expired")),
        ("elsewhere.example", 2999, Some("not valid for name")),
    ] {
        let mut leaf = CertificateParams::new([name.to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&key, &authority).unwrap();
        let to = to.authority().unwrap().to_string();
        let port = tls(&certificate.pem(), &key.serialize_pem(), to).await;
        let url = format!("https://localhost:{port}/mcp");
        let before_now = upstream.log().received.len();
        let gateway = before(&http(json!({ "url": url, "tls": { "ca": ca } }))).await;
        match cause {
            None => {
                let answer = call(&gateway, "vendor_call", &json!({})).await;
                assert!(answer.json()["result"].is_object(), "{}", answer.text());
                gateway.stop().await;
            }
            Some(cause) => {
                let (shown, recorded) = failed(gateway).await;
                assert!(recorded.contains(cause), "{recorded}");
                assert!(
                    !shown.contains(cause) && !shown.contains("certificate"),
                    "{shown}"
                );
                assert_eq!(upstream.log().received.len(), before_now);
            }
        }
    }
}

#[test]
fn u11_a_certificate_that_was_renewed_in_place_is_another_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "version: 1\nidentity: { anonymous: { tenant: local } }\n\
        modules: [{ id: m, family: general, approval: approved, http: { url: https://m.example/, \
        tls: { ca: ca.pem } } }]\npolicy: { rules: [{ id: all, effect: allow }] }\n";
    let read = || {
        let params = CertificateParams::new(Vec::new()).unwrap();
        let key = KeyPair::generate().unwrap();
        let renewed = params.self_signed(&key).unwrap().pem();
        fs::write(dir.path().join("ca.pem"), renewed).unwrap();
        let checked = config::check_text("test.yaml", dir.path(), yaml, &|_| None);
        let same = config::check_text("test.yaml", dir.path(), yaml, &|_| None);
        let modules = |checked: config::Checked| match checked.config {
            Some(config) => config.modules,
            None => panic!("{}", checked.diagnostics),
        };
        let (checked, same) = (modules(checked), modules(same));
        assert_eq!(checked, same);
        checked
    };
    assert_ne!(read(), read());
}

/// A module whose one tool reads a file.
const READER: &str = r#"
import json, sys
def say(id, **what):
    print(json.dumps({"jsonrpc": "2.0", "id": id, **what}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        info = {"name": "reader", "version": "1"}
        say(id, result={"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info})
    elif method == "tools/list":
        say(id, result={"tools": [{"name": "read", "inputSchema": {"type": "object"}}]})
    elif method == "tools/call":
        try:
            text = open(message["params"]["arguments"]["path"]).read()
        except OSError as error:
            text = type(error).__name__
        say(id, result={"content": [{"type": "text", "text": text}]})
    elif id is not None:
        say(id, error={"code": -32601, "message": "no"})
"#;

/// The interpreter, and what it is made of.
fn python() -> (String, Vec<PathBuf>) {
    let show = "import sys; print(sys.executable); print(sys.base_prefix); print(sys.prefix)";
    let output = std::process::Command::new("python3")
        .args(["-c", show])
        .output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut lines = output.lines();
    let program = lines.next().unwrap().to_owned();
    (program, lines.map(Into::into).collect())
}

#[tokio::test]
async fn t16_a_confined_module_reads_what_its_configuration_lists() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("open")).unwrap();
    let (open, closed) = (dir.path().join("open/file"), dir.path().join("closed"));
    for path in [&open, &closed] {
        fs::write(path, "what is in it").unwrap();
    }
    let (program, mut read) = python();
    read.push(dir.path().join("open"));
    let sandbox = json!({ "memory": "1GiB", "confine": { "read": read } });
    let module = |sandbox: Value| json!({ "stdio": { "command": program, "args": ["-c", READER], "sandbox": sandbox } });
    let text = |answer: Answer| answer.json()["result"]["content"][0]["text"].clone();
    let gateway = before(&module(sandbox)).await;
    let read = async |path: &PathBuf| text(call(&gateway, "read", &json!({ "path": path })).await);
    match Support::of_this_kernel().files {
        true => {
            assert_eq!(read(&open).await, "what is in it");
            assert_eq!(read(&closed).await, "PermissionError");
        }
        // A module that cannot be kept in does not run.
        false => assert_eq!(read(&open).await, Value::Null),
    }
    gateway.stop().await;

    let gateway = before(&module(json!({}))).await;
    let answer = call(&gateway, "read", &json!({ "path": closed })).await;
    assert_eq!(text(answer), "what is in it");
    gateway.stop().await;
}

#[test]
fn t16_check_says_what_this_machine_cannot_keep_and_what_is_not_there() {
    let yaml = "version: 1\nidentity: { anonymous: { tenant: local } }\n\
        modules: [{ id: m, family: general, approval: approved, stdio: { command: m, sandbox: \
        { confine: { read: [not/there], write: [.], connect: [443] } } } }]\n\
        policy: { rules: [{ id: all, effect: allow }] }\n";
    let dir = tempfile::tempdir().unwrap();
    let checked = config::check_text("test.yaml", dir.path(), yaml, &|_| None);
    assert!(checked.config.is_some(), "{}", checked.diagnostics);
    let found: Vec<_> = checked.diagnostics.iter().map(|found| found.code).collect();
    let mut confinement = Confinement::default();
    confinement.connect = Some(vec![443]);
    let expected: &[_] = match Support::of_this_kernel().suffices(&confinement) {
        true => &["missing-path"],
        false => &["no-confinement", "missing-path"],
    };
    assert_eq!(found, expected);
}
