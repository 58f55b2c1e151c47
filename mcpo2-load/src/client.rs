use std::fmt;

use anyhow::{Context as _, bail};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    Era, Exchange, Target,
    message::{headers, initialize, initialized},
};

/// One connection to a target: one request at a time, read to the end of its answer.
pub struct Client {
    sender: http1::SendRequest<Full<Bytes>>,
    path: String,
    host: HeaderValue,
    always: HeaderMap,
    next: u64,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The message: the body, or the data of the last event of a stream.
    pub message: Bytes,
}

impl Client {
    /// Connects, and begins a session where the era has them.
    ///
    /// # Errors
    ///
    /// Where nobody listens, or refuses the session.
    pub async fn connect(target: &Target, era: Era) -> anyhow::Result<Self> {
        let authority = target.authority();
        let stream = TcpStream::connect(&authority)
            .await
            .with_context(|| format!("connecting to {authority}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender, and its errors are those of the requests.
        tokio::spawn(connection);
        let mut client = Self {
            sender,
            path: target.path().into(),
            host: authority.parse()?,
            always: target.headers.clone(),
            next: 1,
        };
        if era == Era::Legacy {
            client.begin().await?;
        }
        Ok(client)
    }

    /// Begins a session on this connection, which ends the use of the last.
    pub(crate) async fn begin(&mut self) -> anyhow::Result<HeaderValue> {
        self.always.remove("mcp-session-id");
        let headers = headers(Era::Legacy);
        let answer = self.send(Method::POST, &headers, initialize()).await?;
        let Some(id) = answer.headers.get("mcp-session-id").cloned() else {
            bail!("no session: {} {:?}", answer.status, answer.message);
        };
        self.always.insert("mcp-session-id", id.clone());
        self.send(Method::POST, &headers, initialized()).await?;
        Ok(id)
    }

    /// From now on with the credentials of this target.
    pub(crate) fn speak_for(&mut self, target: &Target) {
        self.always.clone_from(&target.headers);
    }

    /// Takes part in the session of another connection.
    pub(crate) fn join(&mut self, other: &Self) {
        self.always.clone_from(&other.always);
    }

    /// Ends the session.
    pub(crate) async fn end(&mut self) -> anyhow::Result<StatusCode> {
        let headers = headers(Era::Legacy);
        let answer = self.send(Method::DELETE, &headers, Bytes::new()).await?;
        self.always.remove("mcp-session-id");
        Ok(answer.status)
    }

    /// Sends one request and checks its answer.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the answer is wrong.
    pub async fn call(&mut self, exchange: &Exchange) -> anyhow::Result<()> {
        let id = self.id();
        let answer = self
            .send(Method::POST, exchange.headers(), exchange.body(id))
            .await?;
        if answer.status != StatusCode::OK {
            bail!("{}: {:?}", answer.status, answer.message);
        }
        exchange
            .check(id, &answer.message)
            .map_err(anyhow::Error::msg)
    }

    /// Sends bytes as they are, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// Where the connection breaks.
    pub async fn send(
        &mut self,
        method: Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let response = self.open(method, headers, body).await?;
        let (parts, body) = response.into_parts();
        let bytes = whole(body).await?;
        let message = match is_stream(&parts.headers) {
            true => last_event(&bytes).context("a stream without an answer")?,
            false => bytes,
        };
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            message,
        })
    }

    /// Sends a request of this exchange and gives its answer unread.
    pub(crate) async fn begin_call(
        &mut self,
        exchange: &Exchange,
    ) -> anyhow::Result<http::Response<Incoming>> {
        let id = self.id();
        let body = exchange.body(id);
        self.open(Method::POST, exchange.headers(), body).await
    }

    /// Opens the stream of a session.
    pub(crate) async fn stream(&mut self) -> anyhow::Result<http::Response<Incoming>> {
        let mut headers = headers(Era::Legacy);
        headers.insert("accept", HeaderValue::from_static("text/event-stream"));
        headers.remove("content-type");
        self.open(Method::GET, &headers, Bytes::new()).await
    }

    async fn open(
        &mut self,
        method: Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<http::Response<Incoming>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.parse()?;
        let all = request.headers_mut();
        all.clone_from(headers);
        all.insert(header::HOST, self.host.clone());
        for (name, value) in &self.always {
            all.insert(name, value.clone());
        }
        self.sender.ready().await.context("the connection ended")?;
        Ok(self.sender.send_request(request).await?)
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.host)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

async fn whole(mut body: Incoming) -> anyhow::Result<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    Ok(match rest.is_empty() {
        true => first,
        false => [&*first, &*rest].concat().into(),
    })
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// The data of the last event that has some.
pub(crate) fn last_event(stream: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(stream).ok()?;
    let mut last = None;
    let mut data: Vec<&str> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("data:") {
            Some(more) => data.push(more.strip_prefix(' ').unwrap_or(more)),
            None if line.is_empty() && !data.concat().is_empty() => {
                last = Some(data.join("\n").into());
                data.clear();
            }
            None => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_last_event_of_a_stream() {
        let stream =
            b": hello\n\ndata: {\"a\":1}\n\nid: 7\ndata: {\"b\":\r\ndata: 2}\r\n\r\n: end\n\n";
        assert_eq!(last_event(stream).unwrap(), "{\"b\":\n2}");
        assert_eq!(last_event(b"data: cut off"), None);
    }
}
