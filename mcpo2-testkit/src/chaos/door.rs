use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
};

use super::{Shared, connection::Connection};

/// A port that stays ours whether somebody listens on it or not.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    /// Bound, and never listening: it holds the port, and the kernel refuses who connects.
    _reserve: TcpSocket,
    wanted: watch::Sender<bool>,
    stands: watch::Sender<bool>,
}

impl Door {
    pub(super) fn reserve() -> io::Result<Self> {
        let reserve = socket(([127, 0, 0, 1], 0).into())?;
        Ok(Self {
            address: reserve.local_addr()?,
            _reserve: reserve,
            wanted: watch::Sender::new(false),
            stands: watch::Sender::new(false),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens or closes it, and waits until that is done.
    pub(super) async fn set(&self, open: bool) {
        let mut stands = self.stands.subscribe();
        self.wanted.send_replace(open);
        // The sender is in `self`.
        let _ = stands.wait_for(|stands| *stands == open).await;
    }
}

/// Accepts connections while the door is to be open, until the proxy is dropped.
pub(super) async fn keep(shared: Arc<Shared>) {
    let stopped = shared.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = open_and_close(&shared) => {}
    }
}

async fn open_and_close(shared: &Arc<Shared>) {
    let mut wanted = shared.door.wanted.subscribe();
    loop {
        if wanted.wait_for(|open| *open).await.is_err() {
            return;
        }
        let listener = match socket(shared.door.address).and_then(|socket| socket.listen(1024)) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the door does not open"),
        };
        shared.door.stands.send_replace(true);
        tokio::select! {
            _ = wanted.wait_for(|open| !*open) => {}
            () = accept(&listener, shared) => {}
        }
        drop(listener);
        shared.door.stands.send_replace(false);
    }
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(Connection::accepted(stream, shared).serve());
            }
            Err(error) => tracing::warn!(%error, "a connection was not accepted"),
        }
    }
}

/// Several sockets may be bound to the port, so that one of them can keep it.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}
