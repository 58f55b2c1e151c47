use std::sync::Arc;

use tokio::{net::TcpStream, sync::watch};

use super::{
    Seen, Shared,
    flow::{End, Flow},
    script::Script,
};

/// Counts a connection as open until it is dropped.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.seen.send_modify(|seen| seen.open -= 1);
    }
}

/// One connection that was accepted.
pub(super) struct Connection {
    open: Open,
    client: TcpStream,
    // Both since it was accepted, so that nothing is missed that is told from then on.
    resets: watch::Receiver<u64>,
    released: watch::Receiver<u64>,
}

impl Connection {
    pub(super) fn accepted(client: TcpStream, shared: &Arc<Shared>) -> Self {
        let connection = Self {
            open: Open(Arc::clone(shared)),
            client,
            resets: shared.resets.subscribe(),
            released: shared.released.subscribe(),
        };
        shared.seen.send_modify(|seen| {
            seen.accepted += 1;
            seen.open += 1;
        });
        connection
    }

    /// Serves it to its end.
    pub(super) async fn serve(mut self) {
        let shared = &self.open.0;
        let (script, upstream) = shared.take();
        let reset = async {
            tokio::select! {
                () = shared.stopped.cancelled() => {}
                _ = self.resets.changed() => {}
            }
        };
        tokio::pin!(reset);
        let server = tokio::select! {
            () = &mut reset => None,
            server = TcpStream::connect(upstream) => server.ok(),
        };
        let Some(mut server) = server else {
            return reset_at_drop(&self.client);
        };
        let passing = between(
            &mut self.client,
            &mut server,
            script,
            shared,
            &self.released,
        );
        let end = tokio::select! {
            () = reset => End::Reset,
            end = passing => end,
        };
        if end == End::Reset {
            reset_at_drop(&self.client);
            reset_at_drop(&server);
        }
    }
}

/// Passes bytes in both directions until both have ended, or the connection is reset.
async fn between(
    client: &mut TcpStream,
    server: &mut TcpStream,
    script: Script,
    shared: &Shared,
    released: &watch::Receiver<u64>,
) -> End {
    for stream in [&*client, &*server] {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    }
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let count = |add: fn(&mut Seen, usize)| {
        move |bytes: usize| shared.seen.send_modify(|seen| add(seen, bytes))
    };
    let up = Flow::new(
        from_client,
        to_server,
        released.clone(),
        count(|seen, n| seen.up += n),
    );
    let down = Flow::new(
        from_server,
        to_client,
        released.clone(),
        count(|seen, n| seen.down += n),
    );
    let up = async {
        let end = up.follow(script.up).await;
        if end == End::Ended {
            shared.seen.send_modify(|seen| seen.left += 1);
        }
        end
    };
    let down = down.follow(script.down);
    tokio::pin!(up, down);
    // A reset of one direction is one of both, and does not wait for the other.
    tokio::select! {
        end = &mut up => match end {
            End::Reset => End::Reset,
            End::Ended | End::Cut => down.await,
        },
        end = &mut down => match end {
            End::Reset => End::Reset,
            End::Ended | End::Cut => up.await,
        },
    }
}

/// With no time to linger, closing a connection sends RST.
fn reset_at_drop(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::warn!(%error, "the connection ends in good order");
    }
}
