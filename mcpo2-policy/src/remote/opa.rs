use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use mcpo2_core::Digest;
use serde::Deserialize;

use super::RemoteEngine;
use crate::{Verdict, answer::Answer};

/// How long an answer may be.
const MAX_ANSWER: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_millis(250);

/// Asks an Open Policy Agent over HTTP: `POST /v1/data/<path>` with `{"input": …}`.
///
/// The answer is a truth value or an object, as for `RegoEngine`. One that is undefined, late, long
/// or unreadable, and every error of the connection, denies by `sys:eval-error`.
///
/// It speaks plain HTTP/1.1, and so with an agent beside the gateway; put a proxy before one that
/// is further away. It runs in a runtime of tokio, whose tasks keep its connections open for the next
/// question; a question that is dropped closes its own.
///
/// ```
/// use mcpo2_policy::{OpaEngine, RemoteEngine};
///
/// let opa = OpaEngine::new("http://127.0.0.1:8181", "mcpo2/policy/decision")?;
/// assert!(OpaEngine::new("https://opa.example", "mcpo2/policy/decision").is_err());
/// # let _ = opa.digest();
/// # Ok::<(), mcpo2_policy::OpaError>(())
/// ```
pub struct OpaEngine {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: Uri,
    entry_point: Box<str>,
    timeout: Duration,
    digest: Digest,
}

/// Why there is no agent to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaError(String);

impl OpaEngine {
    /// Asks the agent at this URL (`http://host:port`) for the document at `path`
    /// (`mcpo2/policy/decision`).
    ///
    /// # Errors
    ///
    /// [`OpaError`] where the two make no `http` URL.
    pub fn new(base: &str, path: &str) -> Result<Self, OpaError> {
        let path = path.trim_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/');
        if path.is_empty() || !path.bytes().all(plain) {
            return Err(OpaError(format!("`{path}` is no path of a document")));
        }
        let url = format!("{}/v1/data/{path}", base.trim_end_matches('/'));
        let uri: Uri = url
            .parse()
            .map_err(|error| OpaError(format!("it is no URL: {error}")))?;
        // What is refused may hold a secret, and is not repeated.
        let has_user = uri.authority().is_some_and(|it| it.as_str().contains('@'));
        if has_user || base.contains(['?', '#']) || uri.scheme_str() != Some("http") {
            let problem = "it is no plain `http` URL: `http://host:port`, without user or password";
            return Err(OpaError(problem.into()));
        }
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            entry_point: format!("data.{}", path.replace('/', ".")).into(),
            digest: Digest::of(format!("mcpo2.policy/v1 opa {url}").as_bytes()),
            uri,
            timeout: TIMEOUT,
        })
    }

    /// The same, which waits so long for an answer; without it, 250 ms.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn ask(&self, document: Bytes) -> Result<Verdict, String> {
        let mut body = BytesMut::with_capacity(document.len() + 10);
        for part in [&b"{\"input\":"[..], &document, b"}"] {
            body.extend_from_slice(part);
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.freeze()))
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| format!("the agent is not there: {error}"))?;
        if response.status() != StatusCode::OK {
            return Err(format!("the agent answers {}", response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect();
        let body = body.await.map_err(|error| error.to_string())?.to_bytes();
        let answer: Document = serde_json::from_slice(&body)
            .map_err(|error| format!("the answer cannot be read: {error}"))?;
        let answer = answer.result.ok_or("the answer is undefined")?;
        let verdict = answer.into_verdict(&self.entry_point, self.digest)?;
        Ok(verdict.unwrap_or_else(|| {
            let denial = mcpo2_core::Denial::new(Vec::new(), "the agent does not allow it");
            Verdict::deny(denial, self.digest)
        }))
    }
}

#[derive(Deserialize)]
struct Document {
    result: Option<Answer>,
}

#[async_trait]
impl RemoteEngine for OpaEngine {
    async fn decide(&self, document: Bytes) -> Verdict {
        let answer = tokio::time::timeout(self.timeout, self.ask(document)).await;
        match answer {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(problem)) => Verdict::eval_error(problem, self.digest),
            Err(_) => Verdict::eval_error("the agent takes too long", self.digest),
        }
    }

    /// Of the address: what rules the agent has, only the agent knows.
    fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for OpaEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaEngine")
            .field("uri", &self.uri)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for OpaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpaError {}
