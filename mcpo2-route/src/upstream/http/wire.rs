use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use mcpo2_core::Error;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::{Instant, timeout_at};

use super::endpoint::{Endpoint, EndpointError};
use crate::upstream::{Limits, fault};

/// How long a connection that nobody uses is kept, and how many of them.
const POOL: (Duration, usize) = (Duration::from_secs(60), 64);

/// Header lines of a response, and bytes in all of them.
const HEADERS: (usize, usize, u32) = (100, 64 * 1024, 64 * 1024);

/// The pool of connections to one endpoint. It follows no redirect and decodes no encoding.
pub(super) struct Wire {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Endpoint,
    pub(super) limits: Limits,
}

impl Wire {
    pub(super) fn new(endpoint: Endpoint, limits: Limits) -> Result<Self, EndpointError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.connect));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(&endpoint)?);
        let connector = match endpoint.is_https() {
            true => connector.https_only(),
            false => connector.https_or_http(),
        };
        let (idle, most) = POOL;
        let (lines, h1, h2) = HEADERS;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(most)
            .http1_max_headers(lines)
            .http1_max_buf_size(h1)
            .http2_max_header_list_size(h2)
            .build(connector.enable_all_versions().wrap_connector(tcp));
        Ok(Self {
            client,
            endpoint,
            limits,
        })
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        pace: &Pace,
    ) -> Result<Response<Incoming>, Error> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.endpoint.url.clone();
        let mut all = self.endpoint.headers.clone();
        // What the protocol needs goes over what is configured.
        for (name, value) in &headers {
            all.insert(name, value.clone());
        }
        *request.headers_mut() = all;
        let sent = pace.limit(self.client.request(request)).await?;
        let response = sent.map_err(|error| match error.is_connect() {
            true => fault::unavailable(error),
            false => fault::broken(error),
        })?;
        let encoding = response.headers().get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(fault::protocol("an encoding that nobody asked for"));
        }
        Ok(response)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("endpoint", &self.endpoint)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn tls(endpoint: &Endpoint) -> Result<rustls::ClientConfig, EndpointError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = |error: rustls::Error| EndpointError::Tls(error.into());
    let builder = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(tls)?;
    // A platform without certificates can still speak plain HTTP.
    let builder = match endpoint.is_https() {
        true => builder.with_platform_verifier().map_err(tls)?,
        false => builder.with_root_certificates(rustls::RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
}

/// How much time there is: for the next bytes, and for all of them.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    idle: Option<Duration>,
    deadline: Option<Instant>,
}

impl Pace {
    /// The pace of a whole answer.
    pub(super) fn answer(limits: &Limits) -> Self {
        Self {
            idle: Some(limits.idle),
            deadline: Instant::now().checked_add(limits.total),
        }
    }

    /// The pace of a short exchange.
    pub(super) fn short(limits: &Limits) -> Self {
        Self {
            idle: None,
            deadline: Instant::now().checked_add(limits.connect),
        }
    }

    /// The same without an end: for streams that last as long as somebody listens.
    pub(super) fn endless(self) -> Self {
        Self {
            idle: None,
            deadline: None,
        }
    }

    pub(super) async fn limit<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let idle = self.idle.and_then(|idle| Instant::now().checked_add(idle));
        match idle.into_iter().chain(self.deadline).min() {
            Some(until) => timeout_at(until, work).await.map_err(fault::timed_out),
            None => Ok(work.await),
        }
    }
}

/// The body of a response, in time and bounded.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) body: Incoming,
    pub(super) pace: Pace,
    /// How many bytes more there may be.
    pub(super) left: usize,
}

impl Body {
    /// The next bytes.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = match self.pace.limit(self.body.frame()).await? {
                Some(frame) => frame.map_err(fault::broken)?,
                None => return Ok(None),
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let left = self.left.checked_sub(data.len());
            self.left = left.ok_or_else(|| fault::too_large("over the bytes of one answer"))?;
            return Ok(Some(data));
        }
    }

    /// All of them.
    pub(super) async fn whole(mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let mut all = [first, second].concat();
        while let Some(more) = self.chunk().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.into())
    }
}
