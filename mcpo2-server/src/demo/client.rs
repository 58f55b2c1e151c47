//! A client as anybody could write one: HTTP/1.1, one connection a call, the stateless revision.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use mcpo2_core::BoxError;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::config::Secret;

const VERSION: &str = "2026-07-28";

/// Calls a gateway.
#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
}

/// What came back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) json: Value,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Sends a request with the headers that the protocol wants beside it.
    pub(super) async fn call(
        &self,
        key: &Secret,
        method: &str,
        name: Option<&str>,
        params: Value,
    ) -> Result<Answer, BoxError> {
        let body = request(method, params).to_string();
        self.send(key, method, name, body).await
    }

    /// Sends any text as the body.
    pub(super) async fn send(
        &self,
        key: &Secret,
        method: &str,
        name: Option<&str>,
        body: String,
    ) -> Result<Answer, BoxError> {
        let mut request = Request::post("/mcp")
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", key.expose()))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", method);
        if let Some(name) = name {
            request = request.header("mcp-name", name);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;

        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            drop(sender);
            Ok::<_, BoxError>((status, body))
        };
        let (exchanged, closed) = tokio::join!(exchange, connection);
        closed?;
        let (status, body) = exchanged?;
        Ok(Answer {
            status,
            json: last_message(&body)?,
        })
    }
}

/// A request with what the revision wants in its `_meta`.
fn request(method: &str, mut params: Value) -> Value {
    if let Some(params) = params.as_object_mut() {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientInfo": { "name": "mcpo2-demo", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        params.insert("_meta".to_owned(), meta);
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The body itself, or the last message of it where it is an event stream.
fn last_message(body: &[u8]) -> Result<Value, serde_json::Error> {
    let text = String::from_utf8_lossy(body);
    let event = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("data:"));
    serde_json::from_str(event.unwrap_or(&text).trim())
}
