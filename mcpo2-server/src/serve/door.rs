//! Connections: how they come in, and how they end.

use std::{error::Error as StdError, io, net::SocketAddr, sync::Arc, time::Duration};

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

use super::{Server, Service};
use crate::{
    app::App,
    config::Http,
    edge::http::{HttpEdge, Unread},
    shutdown::Shutdown,
};

/// How long those may still speak who have no more to say.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Takes connections until the shutdown begins, and lets those that there are come to their end.
pub(super) async fn serve(app: &App, listener: TcpListener, server: &Server) {
    let http = app.generations.now().config().http.clone();
    let mut door = Door {
        listener,
        server,
        builder: builder(&http),
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

fn builder(http: &Http) -> Builder<TokioExecutor> {
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

pub(super) async fn connection(
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
fn broke(edge: &HttpEdge, error: &(dyn StdError + Send + Sync + 'static), peer: SocketAddr) {
    tracing::debug!(error, "a connection broke");
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse_too_large() => edge.unread(Unread::TooLarge, peer),
        Some(error) if error.is_parse() => edge.unread(Unread::NotHttp, peer),
        _ => {}
    }
}

/// Out of descriptors, say: others may free some, so it is worth a short wait.
pub(super) async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection was not accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
