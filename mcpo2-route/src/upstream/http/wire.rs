use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header, header::Entry};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use mcpo2_core::{Digest, Error, Gather, Pieces};
use tokio::time::{Instant, timeout_at};

use super::{
    decode::Content,
    dial::{Dialer, Resolve},
    endpoint::{Endpoint, EndpointError},
};
use crate::upstream::{Limits, NoiseCounter, fault};

/// How long a connection that nobody uses is kept, and how many of them.
const POOL: (Duration, usize) = (Duration::from_secs(60), 64);

/// Header lines of a response, and bytes in all of them.
const HEADERS: (usize, usize, u32) = (100, 64 * 1024, 64 * 1024);

/// The pool of connections to one endpoint. It follows no redirect.
pub(super) struct Wire {
    client: Client<Dialer, Full<Pieces>>,
    /// For what is streamed outside any request.
    streams: Client<Dialer, Full<Pieces>>,
    endpoint: Endpoint,
    /// What `Host` says where only HTTP/1 is spoken: the client would write it anew each time.
    host: Option<HeaderValue>,
    pub(super) limits: Limits,
    pub(super) noise: Arc<NoiseCounter>,
}

impl Wire {
    /// What tells where it leads from other addresses.
    pub(super) fn place(&self) -> u64 {
        let digest = Digest::of(self.endpoint.url.to_string().as_bytes());
        let first = digest.as_bytes().first_chunk();
        u64::from_be_bytes(first.copied().unwrap_or_default())
    }

    pub(super) fn new(
        endpoint: Endpoint,
        resolver: Arc<dyn Resolve>,
        limits: Limits,
    ) -> Result<Self, EndpointError> {
        let dialer = Dialer::new(&endpoint, resolver, limits.connect)?;
        let (idle, most) = POOL;
        let (lines, h1, h2) = HEADERS;
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(most)
            .http1_max_headers(lines)
            .http1_max_buf_size(h1)
            .http2_max_header_list_size(h2);
        let client = builder.build(dialer.clone());
        // A stream on HTTP/1 has a connection to itself until it ends, so nothing is kept to give
        // that to others. With TLS it may be one of many on HTTP/2.
        let streams = match endpoint.is_https() {
            true => client.clone(),
            false => builder
                .pool_max_idle_per_host(0)
                .http1_writev(false)
                .build(dialer),
        };
        Ok(Self {
            client,
            streams,
            host: host(&endpoint),
            endpoint,
            limits,
            noise: Arc::default(),
        })
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn send(
        &self,
        method: Method,
        mut headers: HeaderMap,
        body: impl Into<Pieces>,
        pace: &Pace,
    ) -> Result<Response<Content>, Error> {
        let client = match method {
            Method::GET => &self.streams,
            _ => &self.client,
        };
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = self.endpoint.url.clone();
        let configured = &self.endpoint.headers;
        for name in configured.keys() {
            // What the protocol needs goes over what is configured.
            if !headers.contains_key(name) {
                for value in configured.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
        }
        // A message passes as it is, so it should come as it is.
        let identity = HeaderValue::from_static("identity");
        headers.insert(header::ACCEPT_ENCODING, identity);
        if let (Some(host), Entry::Vacant(free)) = (&self.host, headers.entry(header::HOST)) {
            free.insert(host.clone());
        }
        *request.headers_mut() = headers;
        let sent = pace.limit(client.request(request)).await?;
        let response = sent.map_err(|error| match error.is_connect() {
            true => fault::unreachable(error),
            false => fault::broken(error),
        })?;
        let (parts, body) = response.into_parts();
        if parts.status.is_redirection() {
            // Where to is the module's word: to go there would carry our credentials there.
            let source = format!("HTTP status {}, and no redirect is followed", parts.status);
            return Err(fault::protocol(source));
        }
        let content = Content::new(&parts.headers, body)?;
        Ok(Response::from_parts(parts, content))
    }
}

/// With TLS it may be HTTP/2, where something else says it.
fn host(endpoint: &Endpoint) -> Option<HeaderValue> {
    let authority = endpoint.url.authority().filter(|_| !endpoint.is_https())?;
    let name = authority.host();
    let text = match authority.port_u16().filter(|port| *port != 80) {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    HeaderValue::try_from(text).ok()
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("endpoint", &self.endpoint)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
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
    pub(super) content: Content,
    pub(super) pace: Pace,
    /// How many bytes more there may be, out of any encoding.
    pub(super) left: usize,
}

impl Body {
    /// The next bytes.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(data) = self.pace.limit(self.content.next()).await?? else {
            return Ok(None);
        };
        let left = self.left.checked_sub(data.len());
        self.left = left.ok_or_else(|| fault::too_large("over the bytes of one answer"))?;
        Ok(Some(data))
    }

    /// All of them.
    pub(super) async fn whole(mut self) -> Result<Bytes, Error> {
        let mut whole = Gather::new(self.content.announced());
        while let Some(data) = self.chunk().await? {
            whole.push(data);
        }
        Ok(whole.finish())
    }
}
