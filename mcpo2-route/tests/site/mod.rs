//! A module over HTTP that answers as a test says, in clear or over TLS, and keeps what it got.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests, each of which uses a part"
)]

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use mcpo2_core::{Body, Error, Message, Reply};
use mcpo2_route::upstream::{ForwardHeaders, Link, http::Resolve};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn says(&self, method: &str) -> bool {
        self.body.contains(&format!(r#""method":"{method}""#))
    }
}

pub struct Site {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Site {
    /// In clear, at a free port of this address.
    pub async fn start(ip: &str, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(ip, None, answer).await
    }

    /// The same where `tls` says so over TLS.
    pub async fn serve(
        ip: &str,
        tls: Option<rustls::ServerConfig>,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (Arc::clone(&site.seen), Arc::clone(&site.connections));
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let service = tower::service_fn(move |request| {
                    let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                    async move {
                        let request = read(request).await;
                        seen.lock().unwrap().push(request.clone());
                        Ok::<_, Infallible>(answer(&request))
                    }
                });
                let tls = tls.clone();
                tokio::spawn(async move {
                    let service = TowerToHyperService::new(service);
                    let http = auto::Builder::new(TokioExecutor::new());
                    match tls {
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else {
                                return;
                            };
                            let _ = http.serve_connection(TokioIo::new(stream), service).await;
                        }
                        None => {
                            let _ = http.serve_connection(TokioIo::new(stream), service).await;
                        }
                    }
                });
            }
        });
        site
    }

    /// One that nobody should ever come to.
    pub async fn canary(ip: &str) -> Self {
        Self::start(ip, |_| json("{}")).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn read(request: Request<Incoming>) -> Seen {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Seen {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        version: parts.version,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response
        .body(UnsyncBoxBody::new(Full::new(body.into())))
        .unwrap()
}

pub fn json(body: &str) -> Answer {
    answer(
        200,
        &[("content-type", "application/json")],
        body.to_owned(),
    )
}

/// A body of these pieces, which then goes on for ever without saying anything.
pub fn endless(headers: &[(&str, &str)], pieces: Vec<Bytes>) -> Answer {
    use futures_util::{StreamExt, stream};
    let pieces = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
    let body = StreamBody::new(stream::iter(pieces).chain(stream::pending()));
    answer(200, headers, "").map(|_| UnsyncBoxBody::new(body))
}

/// The answer of a stateless module to this request, if it is the gateway's own or a ping.
pub fn stateless(seen: &Seen) -> Answer {
    if seen.says("server/discover") {
        return json(DISCOVERED);
    }
    match seen.says("ping") {
        true => json(PONG),
        false => answer(404, &[], ""),
    }
}

pub const DISCOVERED: &str =
    r#"{"jsonrpc":"2.0","id":"mcpo2-1","result":{"supportedVersions":["2026-07-28"]}}"#;
pub const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
pub const PONG: &str = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;

pub async fn ping(link: &dyn Link) -> Result<Reply, Error> {
    let Ok(Message::Request(request)) = Message::parse(PING) else {
        panic!("no request");
    };
    link.request(&request, &ForwardHeaders::default()).await
}

pub fn text(reply: Reply) -> String {
    assert_eq!(reply.status(), StatusCode::OK);
    match reply.into_body() {
        Body::Complete(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("not complete: {other:?}"),
    }
}

/// A resolver that answers as it was told last, and counts how often it is asked.
#[derive(Debug)]
pub struct Answers {
    addresses: Mutex<Vec<IpAddr>>,
    pub asked: AtomicUsize,
}

impl Answers {
    pub fn new(addresses: &[&str]) -> Arc<Self> {
        let answers = Self {
            addresses: Mutex::default(),
            asked: AtomicUsize::new(0),
        };
        answers.flip(addresses);
        Arc::new(answers)
    }

    pub fn flip(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        *self.addresses.lock().unwrap() = addresses.collect();
    }
}

#[async_trait::async_trait]
impl Resolve for Answers {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        assert_eq!(host, "module.example");
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.addresses.lock().unwrap().clone())
    }
}
