//! Connections: how they come in, and how they end.

use std::{error::Error as StdError, io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use mcpo2_core::BoxError;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};

use super::{
    Listener, Server, Tls,
    answer::Answer,
    connection::{Protocols, Serving},
    listen::Heir,
    paced::{Asked, Paced, Stall},
};
use crate::{
    app::App,
    edge::http::{HttpEdge, Remote, Unread},
    shutdown::Shutdown,
};

/// How long those may still speak who have no more to say.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Takes connections until the shutdown begins, and lets those that there are come to their end.
pub(super) async fn serve(app: &App, listener: Listener, server: &Arc<Server>) {
    let Listener { tcp, heir } = listener;
    let most = app.generations.now().config().http.max_connections;
    let mut door = Door {
        server,
        places: Arc::new(Semaphore::new(places(most))),
        keep_alive: true,
    };
    let mut connections = JoinSet::new();
    tokio::select! {
        () = app.shutdown.notice().cancelled() => {}
        () = door.take(&tcp, &mut connections, &app.shutdown) => {}
    }
    door.keep_alive = false;
    // What waits here nobody else takes: with the socket it would be gone.
    if heir == Heir::Neighbour {
        door.take_waiting(&tcp, &mut connections, &app.shutdown);
    }
    let tcp = Some(tcp).filter(|_| heir == Heir::Nobody);
    let timeouts = app.generations.now().config().http.timeouts.clone();
    tokio::select! {
        () = app.shutdown.streams().cancelled() => {}
        () = tokio::time::sleep(timeouts.notice) => {}
        () = door.take_any(tcp.as_ref(), &mut connections, &app.shutdown) => {}
    }
    app.shutdown.drain();
    // Who comes now is told that it is late, and a client can still answer what a call has asked.
    let (mut late, never) = (JoinSet::new(), Shutdown::new());
    tokio::select! {
        () = finish(app, &mut connections, timeouts.drain) => {}
        () = door.take_any(tcp.as_ref(), &mut late, &never) => {}
    }
    drop(tcp);
    tokio::select! {
        () = app.shutdown.calls().cancelled() => {}
        _ = tokio::time::timeout(LAST_WORDS, all(&mut late)) => {}
    }
}

/// How connections come in.
struct Door<'a> {
    server: &'a Arc<Server>,
    places: Arc<Semaphore>,
    keep_alive: bool,
}

impl Door<'_> {
    /// Takes connections as they come, until this is dropped.
    async fn take(
        &self,
        listener: &TcpListener,
        connections: &mut JoinSet<()>,
        shutdown: &Shutdown,
    ) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await;
            match listener.accept().await {
                Ok(accepted) => self.serve(accepted, place.ok(), connections, shutdown),
                Err(error) => pause(&error).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }

    /// As [`take`](Self::take), where there is still a listener.
    async fn take_any(
        &self,
        listener: Option<&TcpListener>,
        connections: &mut JoinSet<()>,
        shutdown: &Shutdown,
    ) {
        match listener {
            Some(listener) => self.take(listener, connections, shutdown).await,
            None => std::future::pending().await,
        }
    }

    /// Takes the connections that have come by now.
    fn take_waiting(
        &self,
        listener: &TcpListener,
        connections: &mut JoinSet<()>,
        shutdown: &Shutdown,
    ) {
        while let Some(Ok(accepted)) = listener.accept().now_or_never() {
            let place = Arc::clone(&self.places).try_acquire_owned();
            self.serve(accepted, place.ok(), connections, shutdown);
        }
    }

    /// Serves a connection by what is configured now; limits of the connection itself stay.
    fn serve(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        place: Option<OwnedSemaphorePermit>,
        connections: &mut JoinSet<()>,
        shutdown: &Shutdown,
    ) {
        // Without this a small event waits 40 ms for the client's acknowledgement of the last.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection broke");
            return;
        }
        let remote = Arc::new(Remote::new(peer));
        let now = self.server.edge.now();
        let http = &now.config().http;
        let coming = Coming {
            stream,
            times: (http.timeouts.headers, http.timeouts.write),
            tls: now.tls().cloned(),
            protocols: Protocols::within(http, self.keep_alive),
            answer: Answer {
                server: Arc::clone(self.server),
                remote: Arc::clone(&remote),
            },
        };
        drop(now);
        let asked = Asked::default();
        // In a box of its own, which is gone once the connection is served.
        let served = Box::pin(coming.serve(asked.clone()));
        let (edge, closing) = (self.server.edge.clone(), shutdown.streams().clone());
        connections.spawn(async move {
            let serving = tokio::select! {
                biased;
                serving = served => serving,
                // Who has not begun to speak is told nothing.
                () = closing.cancelled() => return,
            };
            let served = match serving {
                Ok(serving) => serving.until(&closing).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                broke(&edge, error.as_ref(), &asked, &remote);
            }
            drop(place);
        });
    }
}

/// A connection that was accepted, and what it takes to serve it.
struct Coming {
    stream: TcpStream,
    /// For the first bytes, and for each time that the other side has to read.
    times: (Duration, Duration),
    tls: Option<Tls>,
    protocols: Protocols,
    answer: Answer,
}

impl Coming {
    async fn serve(self, asked: Asked) -> Result<Serving, BoxError> {
        let (protocols, answer) = (self.protocols, self.answer);
        let Some(tls) = self.tls else {
            let stream = Paced::new(self.stream, self.times, &asked);
            return Ok(protocols.serve(stream, answer).await?);
        };
        let stream = timeout(self.times.0, tls.acceptor().accept(self.stream)).await??;
        // Who has shaken hands can still say nothing.
        let stream = Paced::new(stream, self.times, &asked);
        Ok(protocols.serve(stream, answer).await?)
    }
}

/// So many connections as may be, and as there are descriptors for: some are left for modules and
/// the ledger, which could not write on without one.
fn places(configured: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = descriptors(&limits).map_or(usize::MAX, |open| {
        open.saturating_sub((open / 4).max(32)).max(1)
    });
    if most < configured {
        tracing::info!(
            connections = most,
            "no more connections at once, for want of descriptors"
        );
    }
    configured.min(most).min(Semaphore::MAX_PERMITS)
}

/// The soft limit on open files in the text of `/proc/self/limits`.
fn descriptors(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
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

/// What was no HTTP, hyper has answered before anybody else saw it; the ledger knows it all the
/// same.
fn broke(
    edge: &HttpEdge,
    error: &(dyn StdError + Send + Sync + 'static),
    asked: &Asked,
    remote: &Remote,
) {
    tracing::debug!(error, "a connection broke");
    match Stall::behind(error) {
        Some(Stall::Silent) if asked.is_open() => return edge.unread(Unread::Slow, remote),
        // Who connects and says nothing has asked for nothing.
        Some(Stall::Silent) => return,
        Some(Stall::Unread) => return edge.unread_answer(),
        None => {}
    }
    match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_timeout() && asked.is_open() => edge.unread(Unread::Slow, remote),
        Some(error) if error.is_parse_too_large() => edge.unread(Unread::TooLarge, remote),
        Some(error) if error.is_parse() => edge.unread(Unread::NotHttp, remote),
        _ => {}
    }
}

/// Out of descriptors, say: others may free some, so it is worth a short wait.
pub(super) async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection was not accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_open_files_is_read() {
        let text =
            "Limit   Soft Limit   Hard Limit  Units\nMax open files   1024   524288  files\n";
        assert_eq!(descriptors(text), Some(1024));
        assert_eq!(
            descriptors("Max open files  unlimited unlimited files"),
            None
        );
        assert_eq!(places(3), 3);
    }
}
