//! A client that sends what it is told, to the byte, on a connection for each request. Dropping an
//! answer closes its connection.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::soon;

const VERSION: &str = "2026-07-28";
const META: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;

/// A request that is being put together.
pub struct Ask {
    address: SocketAddr,
    from: Option<IpAddr>,
    request: Request<UnsyncBoxBody<Bytes, Infallible>>,
}

/// The body of a stateless request; `params` are its members, without a comma at either end.
pub fn stateless(id: &str, method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{{{META}}}}}}}"#
    )
}

/// The body of a request in a session.
pub fn plain(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#)
}

/// A POST of this body that says nothing but where it goes.
pub fn bare(address: SocketAddr, body: impl Into<Bytes>) -> Ask {
    let body = UnsyncBoxBody::new(Full::new(body.into()));
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/mcp".parse().unwrap();
    let host = address.to_string().parse().unwrap();
    request.headers_mut().insert("host", host);
    Ask {
        address,
        from: None,
        request,
    }
}

/// A POST of JSON.
pub fn post(address: SocketAddr, body: impl Into<Bytes>) -> Ask {
    bare(address, body)
        .with("content-type", "application/json")
        .with("accept", "application/json, text/event-stream")
}

/// A POST of 2026-07-28, with the headers that its body asks for.
pub fn modern(address: SocketAddr, body: impl Into<Bytes>) -> Ask {
    let body = body.into();
    let (method, name) = method_and_name(&body);
    let ask = post(address, body)
        .with("mcp-protocol-version", VERSION)
        .with("mcp-method", &method);
    match name {
        Some(name) => ask.with("mcp-name", &name),
        None => ask,
    }
}

/// A POST in a session.
pub fn in_session(address: SocketAddr, session: &str, body: impl Into<Bytes>) -> Ask {
    post(address, body)
        .with("mcp-session-id", session)
        .with("mcp-protocol-version", "2025-11-25")
}

/// The stream of a session.
pub fn listen(address: SocketAddr, session: &str) -> Ask {
    in_session(address, session, "")
        .method(Method::GET)
        .without("content-type")
        .with_only("accept", "text/event-stream")
}

fn method_and_name(body: &[u8]) -> (String, Option<String>) {
    // Numbers that no machine type holds stand in the way of a `Value`.
    #[derive(serde::Deserialize)]
    struct Body {
        method: String,
        params: Option<Params>,
    }
    #[derive(serde::Deserialize)]
    struct Params {
        name: Option<String>,
        uri: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).unwrap();
    let name = body.params.and_then(|params| params.name.or(params.uri));
    let named = matches!(
        &*body.method,
        "tools/call" | "prompts/get" | "resources/read"
    );
    (body.method, name.filter(|_| named))
}

impl Ask {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    pub fn with_only(self, name: &'static str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub fn without(mut self, name: &'static str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }

    /// Comes from this address of this machine.
    pub fn from(mut self, address: [u8; 4]) -> Self {
        self.from = Some(address.into());
        self
    }

    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    pub fn path(mut self, path: &str) -> Self {
        *self.request.uri_mut() = path.parse().unwrap();
        self
    }

    /// Sends these chunks, without saying how long they are together.
    pub fn chunks<S>(mut self, chunks: S) -> Self
    where
        S: futures_util::Stream<Item = Bytes> + Send + 'static,
    {
        use futures_util::StreamExt as _;
        let frames = chunks.map(|chunk| Ok(http_body::Frame::data(chunk)));
        *self.request.body_mut() = UnsyncBoxBody::new(StreamBody::new(frames));
        self
    }

    /// Sends it, and waits for the head of the answer.
    pub async fn open(self) -> Streaming {
        soon("the head of an answer", self.try_open())
            .await
            .unwrap()
    }

    pub async fn try_open(self) -> Result<Streaming, hyper::Error> {
        let stream = match self.from {
            None => TcpStream::connect(self.address).await.unwrap(),
            Some(from) => {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((from, 0).into()).unwrap();
                socket.connect(self.address).await.unwrap()
            }
        };
        let (mut send, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let (parts, body) = send.send_request(self.request).await?.into_parts();
        Ok(Streaming {
            status: parts.status,
            headers: parts.headers,
            body,
            read: BytesMut::new(),
            _connection: connection,
        })
    }

    /// Sends it, and waits for the whole answer.
    pub async fn answer(self) -> Answer {
        self.open().await.whole().await
    }
}

/// An answer whose body is still coming.
pub struct Streaming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    read: BytesMut,
    _connection: AbortOnDropHandle<()>,
}

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    pub id: Option<String>,
    pub data: String,
}

impl Streaming {
    pub async fn whole(self) -> Answer {
        let body = soon("the end of an answer", self.body.collect()).await;
        Answer {
            status: self.status,
            headers: self.headers,
            body: body.unwrap().to_bytes(),
        }
    }

    /// The next event; none at the end, however it comes.
    pub async fn event(&mut self) -> Option<SseEvent> {
        soon("an event", async {
            loop {
                if let Some(event) = self.take() {
                    return Some(event);
                }
                let frame = self.body.frame().await?.ok()?;
                self.read
                    .extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            }
        })
        .await
    }

    /// The next event of this method, or the response where that is none.
    pub async fn message(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        while let Some(event) = self.event().await {
            let message = serde_json::from_str(&event.data).unwrap_or_default();
            if wanted(&message) {
                return message;
            }
        }
        panic!("the stream ended before");
    }

    fn take(&mut self) -> Option<SseEvent> {
        loop {
            let end = self.read.windows(2).position(|pair| pair == b"\n\n")?;
            let block = self.read.split_to(end + 2);
            let block = std::str::from_utf8(&block).unwrap();
            let mut event = SseEvent::default();
            let mut lines = Vec::new();
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("data", data)) => lines.push(data),
                    Some(("id", id)) => event.id = Some(id.into()),
                    _ => {}
                }
            }
            event.data = lines.join("\n");
            if event != SseEvent::default() {
                return Some(event);
            }
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The message: the body, or the last event of it.
    pub fn json(&self) -> Value {
        let text = self.text();
        let last = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("data: "));
        serde_json::from_str(last.unwrap_or(text)).unwrap_or_default()
    }

    pub fn code(&self) -> Option<i64> {
        self.json()["error"]["code"].as_i64()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A session of 2025-11-25: its id.
pub async fn begin(address: SocketAddr, capabilities: &str) -> String {
    begin_as(address, capabilities, None).await
}

/// A session of who has this key.
pub async fn begin_as(address: SocketAddr, capabilities: &str, key: Option<&str>) -> String {
    let params = format!(
        r#""protocolVersion":"2025-11-25","capabilities":{capabilities},"clientInfo":{{"name":"t","version":"1"}}"#
    );
    let with_key = |ask: Ask| match key {
        Some(key) => ask.key(key),
        None => ask,
    };
    let answer = with_key(post(address, plain("0", "initialize", &params)))
        .answer()
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let session = answer.header("mcp-session-id").to_owned();
    assert!(!session.is_empty(), "{}", answer.text());
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let noted = with_key(in_session(address, &session, note)).answer().await;
    assert_eq!(noted.status, StatusCode::ACCEPTED);
    session
}

/// Sends these bytes on a connection of their own, and gives all that comes back until its end.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has said what it had to say.
    let _ = soon("the end of the connection", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// A connection of HTTP/1.1 that is kept between requests.
pub struct KeepAlive {
    send: hyper::client::conn::http1::SendRequest<UnsyncBoxBody<Bytes, Infallible>>,
    _connection: AbortOnDropHandle<()>,
}

impl KeepAlive {
    pub async fn open(address: SocketAddr) -> Self {
        Self::try_open(address).await.unwrap()
    }

    pub async fn try_open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TokioIo::new(TcpStream::connect(address).await?);
        let (send, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(std::io::Error::other)?;
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self {
            send,
            _connection: AbortOnDropHandle::new(connection),
        })
    }

    /// Sends it here, and waits for the whole answer.
    pub async fn ask(&mut self, ask: Ask) -> Result<Answer, hyper::Error> {
        let asking = async {
            self.send.ready().await?;
            let (parts, body) = self.send.send_request(ask.request).await?.into_parts();
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body: body.collect().await?.to_bytes(),
            })
        };
        soon("an answer", asking).await
    }
}
