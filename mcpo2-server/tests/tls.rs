//! TLS that ends at the gateway, and certificates that change under it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcpo2_server::{
    App, Mode,
    reload::{Reloader, Source, Trigger},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use self::support::{soon, until};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Puts a new certificate and its key in the place of those that there are, one after the other.
fn issue(dir: &Path, by: &Authority) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    for (name, text) in [
        ("cert.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        let beside = dir.join("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, dir.join(name)).unwrap();
    }
    certificate.der().clone()
}

fn connector(by: &Authority, alpn: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(by.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.into()];
    TlsConnector::from(Arc::new(config))
}

async fn connect(address: SocketAddr, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = connector.connect(name, stream);
    soon("a handshake", connecting).await.expect("a handshake")
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let (_, connection) = stream.get_ref();
    connection.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

fn livez() -> Request<Empty<Bytes>> {
    let request = Request::get("https://localhost/livez").header("host", "localhost");
    request.body(Empty::new()).unwrap()
}

/// A connection of HTTP/1.1 that serves one request after the other.
struct Http1 {
    send: hyper::client::conn::http1::SendRequest<Empty<Bytes>>,
    connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Http1 {
    async fn over(stream: TlsStream<TcpStream>) -> Self {
        let io = TokioIo::new(stream);
        let (send, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        let connection = tokio::spawn(connection);
        Self { send, connection }
    }

    async fn status(&mut self) -> StatusCode {
        soon("its turn", self.send.ready()).await.unwrap();
        let answer = soon("an answer", self.send.send_request(livez())).await;
        let answer = answer.unwrap();
        let status = answer.status();
        answer.into_body().collect().await.unwrap();
        status
    }
}

impl Drop for Http1 {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

async fn over_http1(stream: TlsStream<TcpStream>) -> StatusCode {
    Http1::over(stream).await.status().await
}

async fn over_http2(stream: TlsStream<TcpStream>) -> StatusCode {
    let io = TokioIo::new(stream);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut send, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let answer = soon("an answer", send.send_request(livez())).await.unwrap();
    let status = answer.status();
    connection.abort();
    status
}

const YAML: &str = "version: 1\nidentity: { anonymous: { tenant: local } }\nhttp: { tls: { cert: cert.pem, key: key.pem } }\n";

async fn serve(dir: &Path) -> (SocketAddr, Reloader) {
    serve_by(dir, YAML).await
}

async fn serve_by(dir: &Path, yaml: &str) -> (SocketAddr, Reloader) {
    let file = dir.join("mcpo2.yaml");
    std::fs::write(&file, yaml).unwrap();
    let source = Source::new(&file);
    let config = source.load().unwrap_or_else(|found| panic!("{found}"));
    let app = App::build(config, Mode::Governed).unwrap().reading(source);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reloader = app.reloader().clone();
    tokio::spawn(app.serve(listener));
    (address, reloader)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r08_no_handshake_fails_while_certificates_change() {
    let dir = tempfile::tempdir().unwrap();
    let by = Arc::new(authority());
    let first = issue(dir.path(), &by);
    let (address, reloader) = serve(dir.path()).await;
    let stays = connect(address, &connector(&by, "http/1.1")).await;
    assert_eq!(shown(&stays), first);
    let mut stays = Http1::over(stays).await;
    let (done, shaken) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = ["http/1.1", "h2", "http/1.1", "h2"]
        .into_iter()
        .map(|alpn| {
            let (done, shaken, by) = (Arc::clone(&done), Arc::clone(&shaken), Arc::clone(&by));
            tokio::spawn(async move {
                // One connector: sessions of earlier connections are resumed, or not.
                let connector = connector(&by, alpn);
                while !done.load(Ordering::Relaxed) {
                    let stream = connect(address, &connector).await;
                    let (_, tls) = stream.get_ref();
                    assert_eq!(tls.alpn_protocol(), Some(alpn.as_bytes()));
                    let status = match alpn {
                        "h2" => over_http2(stream).await,
                        _ => over_http1(stream).await,
                    };
                    assert_eq!(status, StatusCode::OK);
                    shaken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut last = first;
    for number in 0..102 {
        // However slow the machine is, there is load between the changes.
        let load = || (shaken.load(Ordering::Relaxed) > number / 2).then_some(());
        until("a handshake", load).await;
        last = issue(dir.path(), &by);
        reloader.reload(Trigger::Host).await.unwrap();
        assert_eq!(stays.status().await, StatusCode::OK);
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        soon("the end of a client", client).await.unwrap();
    }
    assert!(
        shaken.load(Ordering::Relaxed) > 50,
        "{shaken:?} are no load"
    );
    let now = connect(address, &connector(&by, "http/1.1")).await;
    assert_eq!(shown(&now), last);
    assert_eq!(stays.status().await, StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused_and_the_old_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let by = authority();
    let first = issue(dir.path(), &by);
    let (address, reloader) = serve(dir.path()).await;
    let key = KeyPair::generate().unwrap();
    std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
    let error = reloader
        .reload(Trigger::Host)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("invalid-tls") && error.contains("mcpo2.yaml:3"),
        "{error}"
    );
    assert!(!error.contains("PRIVATE"), "{error}");
    std::fs::write(dir.path().join("cert.pem"), "nothing").unwrap();
    let error = reloader
        .reload(Trigger::Host)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("cert.pem"), "{error}");
    let stream = connect(address, &connector(&by, "h2")).await;
    assert_eq!(shown(&stream), first);
    assert_eq!(reloader.generation(), 1);
}

/// What is no TLS gets no answer, and hurts nobody.
#[tokio::test]
async fn plain_http_is_not_answered_where_tls_is() {
    let dir = tempfile::tempdir().unwrap();
    let by = authority();
    issue(dir.path(), &by);
    let (address, _) = serve(dir.path()).await;
    let said =
        support::client::raw(address, b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!said.contains("HTTP/1.1"), "{said}");
    let stream = connect(address, &connector(&by, "http/1.1")).await;
    assert_eq!(over_http1(stream).await, StatusCode::OK);
}

#[tokio::test]
async fn o05_who_shakes_hands_and_says_nothing_is_cut_off() {
    use tokio::io::AsyncReadExt as _;
    let dir = tempfile::tempdir().unwrap();
    let by = authority();
    issue(dir.path(), &by);
    let yaml = YAML.replace("http: {", "http: { timeouts: { headers: 3s },");
    let (address, _) = serve_by(dir.path(), &yaml).await;
    let mut stream = connect(address, &connector(&by, "http/1.1")).await;
    let mut said = Vec::new();
    // It may close without a word even of TLS.
    let _ = soon("the end", stream.read_to_end(&mut said)).await;
    assert!(said.is_empty(), "{said:?}");
}
