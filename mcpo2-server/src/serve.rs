//! The server: connections in, answers out, and an end that loses nothing.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderName, Request, Response, header};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use mcpo2_core::BoxError;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tower::{ServiceBuilder, util::BoxCloneService};
use tower_http::{
    catch_panic::CatchPanicLayer, map_response_body::MapResponseBodyLayer,
    sensitive_headers::SetSensitiveRequestHeadersLayer, trace::TraceLayer,
};

use crate::{
    admin::{Admin, MetricsFor},
    app::{App, BuildError},
    cors,
    edge::{
        http::{HttpEdge, Unread},
        stdio,
    },
    respond::HttpBody,
    shutdown::Shutdown,
};

type Service = BoxCloneService<Request<Incoming>, Response<HttpBody>, std::convert::Infallible>;

/// How often sessions that nobody uses are looked for.
const REAPING: Duration = Duration::from_secs(60);

/// How long those may still speak who have no more to say.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl App {
    /// Serves HTTP on `listener` until the shutdown begins, then drains.
    ///
    /// # Errors
    ///
    /// [`BuildError`] where what is configured for callers cannot be used. Faults of single
    /// connections end those connections only.
    pub async fn serve(self, listener: TcpListener) -> Result<(), BuildError> {
        let edge = self.http_edge()?;
        let admin = Arc::new(Admin::new(&self, edge.clone()));
        let server = Server {
            edge: edge.clone(),
            admin: Arc::clone(&admin),
            path: self.config.http.path.clone().into(),
            metrics: match self.config.http.admin_listen {
                Some(_) => MetricsFor::Nobody,
                None => MetricsFor::ThisMachine,
            },
        };
        let apart = self
            .config
            .http
            .admin_listen
            .map(|address| tokio::spawn(admin_only(admin, address)));
        tokio::select! {
            () = accept(&self, listener, &server) => {}
            () = reap(&edge) => {}
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
        let streams = (tokio::io::stdin(), tokio::io::stdout());
        let limit = self.config.http.max_body_bytes;
        let closing = self.shutdown.streams().clone();
        stdio::serve(self.edge(), Arc::new(principal), streams, limit, closing).await;
        self.close().await;
    }
}

/// What answers on a connection.
#[derive(Clone)]
struct Server {
    edge: HttpEdge,
    admin: Arc<Admin>,
    path: Arc<str>,
    metrics: MetricsFor,
}

impl Server {
    fn service(&self, peer: SocketAddr) -> Service {
        let server = self.clone();
        let answer = tower::service_fn(move |request| server.clone().answer(request, peer));
        let service = ServiceBuilder::new()
            .layer(MapResponseBodyLayer::new(HttpBody::new))
            .layer(SetSensitiveRequestHeadersLayer::new(sensitive()))
            .layer(TraceLayer::new_for_http())
            .layer(cors::layer(self.edge.origins()))
            .layer(CatchPanicLayer::custom(crate::respond::panicked))
            .service(answer);
        BoxCloneService::new(service)
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<HttpBody>, std::convert::Infallible> {
        if request.uri().path() == &*self.path {
            return self.edge.handle(request, peer).await;
        }
        Ok(self.admin.answer(&request, peer, self.metrics))
    }
}

async fn accept(app: &App, listener: TcpListener, server: &Server) {
    let http = &app.config.http;
    let mut door = Door {
        listener,
        server,
        builder: builder(http),
        places: Arc::new(Semaphore::new(
            http.max_connections.min(Semaphore::MAX_PERMITS),
        )),
    };
    let mut connections = JoinSet::new();
    tokio::select! {
        () = app.shutdown.streams().cancelled() => {}
        () = door.take(&mut connections, &app.shutdown) => {}
    }
    // Who comes now is told that it is late, and a client can still answer what a call has asked.
    door.builder.http1().keep_alive(false);
    let (mut late, never) = (JoinSet::new(), Shutdown::new());
    tokio::select! {
        () = finish(app, &mut connections, http.timeouts.drain) => {}
        () = door.take(&mut late, &never) => {}
    }
    drop(door);
    tokio::select! {
        () = app.shutdown.calls().cancelled() => {}
        _ = tokio::time::timeout(LAST_WORDS, all(&mut late)) => {}
    }
}

fn builder(http: &crate::config::Http) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(http.timeouts.headers)
        .max_buf_size(http.max_header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(http.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(Duration::from_secs(30));
    builder
}

/// Where connections come in.
struct Door<'a> {
    listener: TcpListener,
    server: &'a Server,
    builder: Builder<TokioExecutor>,
    places: Arc<Semaphore>,
}

impl Door<'_> {
    /// Takes connections as they come, until this is dropped.
    async fn take(&self, connections: &mut JoinSet<()>, shutdown: &Shutdown) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause(&error).await;
                    continue;
                }
            };
            let serving = connection(
                self.builder.clone(),
                stream,
                self.server.service(peer),
                shutdown.clone(),
            );
            let edge = self.server.edge.clone();
            connections.spawn(async move {
                if let Err(error) = serving.await {
                    broke(&edge, error.as_ref(), peer);
                }
                drop(place);
            });
            while connections.try_join_next().is_some() {}
        }
    }
}

/// Waits for the calls that run, but no longer than the drain may take, and not beyond an abort.
async fn finish(app: &App, connections: &mut JoinSet<()>, grace: Duration) {
    let aborted = app.shutdown.calls().clone();
    let drained = tokio::select! {
        biased;
        () = aborted.cancelled() => false,
        drained = tokio::time::timeout(grace, all(connections)) => drained.is_ok(),
    };
    if !drained {
        tracing::warn!(
            connections = connections.len(),
            "calls that still run are cut off"
        );
        app.shutdown.abort();
        // Streams end with a last word; what has nothing to say is dropped.
        let _ = tokio::time::timeout(LAST_WORDS, all(connections)).await;
        connections.shutdown().await;
    }
}

async fn all(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

async fn connection(
    builder: Builder<TokioExecutor>,
    stream: TcpStream,
    service: Service,
    shutdown: Shutdown,
) -> Result<(), BoxError> {
    // Without this a small event waits 40 ms for the client's acknowledgement of the last.
    stream.set_nodelay(true)?;
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(serving);
    tokio::select! {
        served = serving.as_mut() => served,
        () = shutdown.streams().cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    }
}

/// What was no HTTP, hyper has answered before anybody else saw it; the ledger knows it all the
/// same.
fn broke(
    edge: &HttpEdge,
    error: &(dyn std::error::Error + Send + Sync + 'static),
    peer: SocketAddr,
) {
    tracing::debug!(error, "a connection broke");
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse_too_large() => edge.unread(Unread::TooLarge, peer),
        Some(error) if error.is_parse() => edge.unread(Unread::NotHttp, peer),
        _ => {}
    }
}

/// Out of descriptors, say: others may free some, so it is worth a short wait.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection was not accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn reap(edge: &HttpEdge) {
    loop {
        tokio::time::sleep(REAPING).await;
        edge.reap().await;
    }
}

/// Answers operators on an address of their own, until it is dropped: also while calls drain.
async fn admin_only(admin: Arc<Admin>, address: SocketAddr) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, %address, "the admin address cannot be bound");
            return;
        }
    };
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        let admin = Arc::clone(&admin);
        let answer = tower::service_fn(move |request: Request<Incoming>| {
            let response = admin.answer(&request, peer, MetricsFor::Anyone);
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        let builder = Builder::new(TokioExecutor::new());
        let answer = BoxCloneService::new(answer);
        let never = Shutdown::new();
        connections.spawn(connection(builder, stream, answer, never));
        while connections.try_join_next().is_some() {}
    }
}

fn sensitive() -> [HeaderName; 3] {
    [
        header::AUTHORIZATION,
        header::COOKIE,
        HeaderName::from_static("mcp-session-id"),
    ]
}
