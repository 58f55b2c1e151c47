use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderName, Request, Response, header};
use hyper::{body::Incoming, service::Service};
use tower::{Layer as _, ServiceExt as _};
use tower_http::trace::TraceLayer;
use tracing::Level;

use super::Server;
use crate::{
    edge::http::Remote,
    respond::{self, HttpBody},
};

/// Answers the requests of one connection: a panic fails one of them.
pub(super) struct Answer {
    pub(super) server: Arc<Server>,
    pub(super) remote: Arc<Remote>,
}

/// Whose values no log and no table of a compression shows.
const SENSITIVE: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("mcp-session-id"),
];

impl Service<Request<Incoming>> for Answer {
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<HttpBody>, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        for name in &SENSITIVE {
            if let Some(value) = request.headers_mut().get_mut(name) {
                value.set_sensitive(true);
            }
        }
        let (server, remote) = (Arc::clone(&self.server), Arc::clone(&self.remote));
        // Spans and clocks cost something also where nobody reads what they say.
        match tracing::enabled!(target: "tower_http::trace", Level::DEBUG) {
            true => Box::pin(traced(server, request, remote)),
            false => Box::pin(answer(server, request, remote)),
        }
    }
}

async fn traced(
    server: Arc<Server>,
    request: Request<Incoming>,
    remote: Arc<Remote>,
) -> Result<Response<HttpBody>, Infallible> {
    let answer = |request| answer(Arc::clone(&server), request, Arc::clone(&remote));
    let traced = TraceLayer::new_for_http().layer(tower::service_fn(answer));
    let response = traced.oneshot(request).await?;
    Ok(response.map(HttpBody::new))
}

async fn answer(
    server: Arc<Server>,
    request: Request<Incoming>,
    remote: Arc<Remote>,
) -> Result<Response<HttpBody>, Infallible> {
    let answered = AssertUnwindSafe(server.answer(request, &remote));
    match answered.catch_unwind().await {
        Ok(answered) => answered,
        Err(panic) => Ok(respond::panicked(panic)),
    }
}
