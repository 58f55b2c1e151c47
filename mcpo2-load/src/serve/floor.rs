use std::{
    collections::HashSet,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;

use super::http::{Body, Listening, boxed, status};
use crate::Target;

/// The least that a gateway can do: hyper on both sides, one borrowed read of the envelope, one
/// look into a map of names, and the bytes as they came.
///
/// It decides nothing and believes everything. What a real gateway takes more than this is what
/// its layers cost.
#[derive(Debug)]
pub struct Floor(Listening);

type Sender = http1::SendRequest<Full<Bytes>>;

struct Forward {
    authority: String,
    path: String,
    host: HeaderValue,
    names: HashSet<Box<str>>,
    idle: Mutex<Vec<Sender>>,
    chain: Option<mpsc::SyncSender<(Bytes, Bytes)>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    method: &'a str,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
    #[serde(borrow, rename = "arguments")]
    _arguments: Option<&'a RawValue>,
}

impl Floor {
    /// Forwards from this address to an upstream, until it is dropped. With `chain`, each pair of
    /// messages becomes a line of that file, whose hash goes into the next; nothing is synced.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on, or the file not be written.
    pub async fn start(listen: &str, upstream: &str, chain: Option<&Path>) -> anyhow::Result<Self> {
        let target = Target::new("upstream", upstream)?;
        let mut names: HashSet<Box<str>> = (1..1_000)
            .map(|n| format!("bench__tool_{n:04}").into())
            .collect();
        names.extend(["echo", "bench__echo", "large", "late", "lost", "stream"].map(Box::from));
        let forward = Arc::new(Forward {
            host: target.authority().parse()?,
            authority: target.authority(),
            path: target.path().into(),
            names,
            idle: Mutex::default(),
            chain: chain.map(writer).transpose()?,
        });
        let answer = move |request| {
            let forward = Arc::clone(&forward);
            async move {
                let answered = forward.answer(request).await;
                answered.unwrap_or_else(|_| status(StatusCode::BAD_GATEWAY))
            }
        };
        Ok(Self(Listening::start(listen, answer).await?))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }
}

impl Forward {
    async fn answer(&self, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        if !body.is_empty() && !self.knows(&body) {
            return Ok(status(StatusCode::BAD_REQUEST));
        }
        parts.uri = self.path.parse()?;
        parts.headers.insert(header::HOST, self.host.clone());
        parts.headers.remove(header::CONTENT_LENGTH);
        let mut sender = self.sender().await?;
        let request = Request::from_parts(parts, Full::new(body.clone()));
        let response = sender.send_request(request).await?;
        let (parts, incoming) = response.into_parts();
        let stream = parts.headers.get(header::CONTENT_TYPE);
        if stream.is_some_and(|kind| kind == "text/event-stream") {
            return Ok(Response::from_parts(parts, incoming.boxed_unsync()));
        }
        let answer = incoming.collect().await?.to_bytes();
        self.lock().push(sender);
        if let Some(chain) = &self.chain {
            let _ = chain.send((body, answer.clone()));
        }
        Ok(Response::from_parts(parts, boxed(Full::new(answer))))
    }

    fn knows(&self, body: &[u8]) -> bool {
        match serde_json::from_slice::<Envelope<'_>>(body) {
            Ok(envelope) if envelope.method == "tools/call" => envelope
                .params
                .and_then(|params| params.name)
                .is_some_and(|name| self.names.contains(name)),
            Ok(_) => true,
            Err(_) => false,
        }
    }

    async fn sender(&self) -> anyhow::Result<Sender> {
        loop {
            let Some(mut idle) = self.lock().pop() else {
                break;
            };
            if idle.ready().await.is_ok() {
                return Ok(idle);
            }
        }
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that writes the chain.
fn writer(path: &Path) -> anyhow::Result<mpsc::SyncSender<(Bytes, Bytes)>> {
    let file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
    let (sender, records) = mpsc::sync_channel::<(Bytes, Bytes)>(65_536);
    std::thread::spawn(move || {
        let mut file = std::io::BufWriter::new(file);
        let mut last = blake3::hash(b"first");
        while let Ok((asked, answered)) = records.recv() {
            let (asked, answered) = (blake3::hash(&asked), blake3::hash(&answered));
            let line = format!(
                "{{\"request\":\"{asked}\",\"response\":\"{answered}\",\"previous\":\"{last}\"}}\n"
            );
            last = blake3::hash(line.as_bytes());
            if file.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    });
    Ok(sender)
}
