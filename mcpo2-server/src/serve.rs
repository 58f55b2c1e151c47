//! The server: connections in, answers out, and an end that loses nothing.

mod answer;
mod connection;
mod door;
mod listen;
mod operators;
mod paced;
mod tls;
mod version;
mod witness;

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response, Version, header};
use hyper::body::Incoming;
use mcpo2_audit::Source;
use tower::{Layer as _, ServiceExt as _};

use crate::{
    admin::{Admin, MetricsFor, RELOAD},
    app::{App, BuildError, Generation},
    edge::{
        http::{HttpEdge, Remote, Side, Upload, artifact_uri},
        stdio,
    },
    reload::watch,
    respond::HttpBody,
    shutdown::Shutdown,
};

pub use self::listen::Listener;
pub(crate) use self::{tls::Tls, witness::serve_witness};

/// How often sessions that nobody uses are looked for, at least and at most.
const REAPING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_millis(100));

impl App {
    /// Serves HTTP on `listener` until the shutdown begins, then drains.
    ///
    /// # Errors
    ///
    /// [`BuildError`] where what is configured for callers cannot be used. Faults of single
    /// connections end those connections only.
    pub async fn serve(self, listener: impl Into<Listener>) -> Result<(), BuildError> {
        let listener = listener.into();
        let edge = self.http_edge();
        let admin_listen = self.generations.now().config().http.admin_listen;
        let admin = Arc::new(Admin::new(&self, edge.clone()));
        let server = Arc::new(Server {
            edge: edge.clone(),
            admin: Arc::clone(&admin),
            shutdown: self.shutdown.clone(),
            metrics: match admin_listen {
                Some(_) => MetricsFor::Nobody,
                None => MetricsFor::ThisMachine,
            },
        });
        let apart = admin_listen.map(|address| tokio::spawn(operators::serve(admin, address)));
        tokio::select! {
            () = door::serve(&self, listener, &server) => {}
            () = reap(&edge) => {}
            () = edge.tend() => {}
            () = follow(&edge) => {}
            () = watch(self.reloader.clone()) => {}
            () = self.be_witnessed() => {}
            () = self.tend_library() => {}
        }
        if let Some(apart) = apart {
            apart.abort();
        }
        edge.end_sessions().await;
        self.close().await;
        Ok(())
    }

    /// Serves the process that started this one, on its standard streams.
    pub async fn serve_stdio(self) {
        let Some(principal) = crate::app::process_principal() else {
            return;
        };
        let caller = (Arc::new(principal), Source::new("stdio"));
        let streams = (tokio::io::stdin(), tokio::io::stdout());
        let limit = self.generations.now().config().http.max_body_bytes;
        let closing = self.shutdown.notice().clone();
        let serving = stdio::serve(self.edge(), caller, streams, limit, closing);
        tokio::select! {
            () = serving => {}
            () = self.lasting.gate.watch_memory() => {}
            () = watch(self.reloader.clone()) => {}
            () = self.be_witnessed() => {}
            () = self.tend_library() => {}
        }
        self.close().await;
    }
}

/// What answers on connections.
///
/// A future is as large as its largest branch, and each request has one: what is rare is in boxes
/// of its own.
struct Server {
    edge: HttpEdge,
    admin: Arc<Admin>,
    shutdown: Shutdown,
    metrics: MetricsFor,
}

impl Server {
    async fn answer(
        &self,
        request: Request<Incoming>,
        remote: &Remote,
    ) -> Result<Response<HttpBody>, std::convert::Infallible> {
        let version = request.version();
        let mut answered = self.allow(request, remote).await;
        // Who keeps a connection comes back on another one, elsewhere.
        if let Ok(response) = &mut answered
            && self.shutdown.is_leaving()
            && version < Version::HTTP_2
        {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        answered
    }

    async fn allow(
        &self,
        request: Request<Incoming>,
        remote: &Remote,
    ) -> Result<Response<HttpBody>, std::convert::Infallible> {
        let generation = self.edge.now();
        if !request.headers().contains_key(header::ORIGIN) {
            return self.route(&generation, request, remote).await;
        }
        let route = |request| self.route(&generation, request, remote);
        let route = generation.cors().layer(tower::service_fn(route));
        Box::pin(route.oneshot(request)).await
    }

    async fn route(
        &self,
        generation: &Generation,
        request: Request<Incoming>,
        remote: &Remote,
    ) -> Result<Response<HttpBody>, std::convert::Infallible> {
        if request.uri().path() == generation.config().http.path {
            return self.edge.handle(generation, request, remote).await;
        }
        if let Some(side) = Side::of(generation, request.uri().path()) {
            let edge = self.edge.clone();
            return Ok(Box::pin(edge.handle_pair(generation, side, request, remote)).await);
        }
        if let Some(uri) = artifact_uri(request.uri().path()) {
            let read = self.edge.artifact(self.edge.now(), uri, request, remote);
            return Ok(Box::pin(read).await);
        }
        if Upload::is_at(request.uri().path()) {
            let upload = self.edge.upload(self.edge.now(), request, remote);
            return Ok(Box::pin(upload).await);
        }
        // Beside MCP only where operators have no address of their own.
        if self.metrics == MetricsFor::ThisMachine && request.uri().path() == RELOAD {
            return Ok(Box::pin(self.admin.reload(&request, remote.address())).await);
        }
        Ok(self.admin.answer(&request, remote.address(), self.metrics))
    }
}

/// Takes from sessions what a reload took away.
async fn follow(edge: &HttpEdge) {
    let mut changes = edge.changes();
    while changes.changed().await.is_ok() {
        edge.follow();
    }
}

async fn reap(edge: &HttpEdge) {
    loop {
        let shortest = edge.now().config().http.sessions.shortest();
        tokio::time::sleep((shortest / 4).clamp(REAPING.1, REAPING.0)).await;
        edge.reap().await;
    }
}
