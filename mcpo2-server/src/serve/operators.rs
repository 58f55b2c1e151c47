use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{connection::Protocols, door::pause};
use crate::admin::{Admin, MetricsFor, RELOAD};

/// How long until an address that is taken is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Answers operators on an address of their own, until it is dropped: also while calls drain.
pub(super) async fn serve(admin: Arc<Admin>, address: SocketAddr) {
    // The process that this one takes over from may still have it.
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                tracing::error!(%error, %address, "the admin address cannot be bound");
                tokio::time::sleep(AGAIN).await;
            }
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
        let answer = service_fn(move |request: Request<Incoming>| {
            let admin = Arc::clone(&admin);
            async move {
                let response = match request.uri().path() {
                    RELOAD => admin.reload(&request, peer).await,
                    _ => admin.answer(&request, peer, MetricsFor::Anyone),
                };
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        // Without this a small answer waits for the client's acknowledgement of its beginning.
        if stream.set_nodelay(true).is_ok() {
            connections.spawn(async move {
                let serving = Protocols::new().serve(stream, answer).await?;
                serving.until(&CancellationToken::new()).await
            });
        }
        while connections.try_join_next().is_some() {}
    }
}
