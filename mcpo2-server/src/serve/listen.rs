use std::{io, net::SocketAddr};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;

/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;

/// Where connections come in, and to whom those are left that come while this process ends.
#[derive(Debug)]
pub struct Listener {
    pub(super) tcp: TcpListener,
    pub(super) heir: Heir,
}

/// Who takes the connections that come while this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heir {
    /// Nobody: they are told that they are late.
    Nobody,
    /// Who listens on the same address. What waits for this process is still its own.
    Neighbour,
    /// Who gets the same socket next, and all that waits there.
    Successor,
}

impl Listener {
    /// The socket that the service manager passes on (`LISTEN_FDS`), or one on `listen` of the
    /// configuration, which with `http.reuse_port` others may share.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn bind(config: &Config) -> io::Result<Self> {
        if let Some(passed) = ListenFd::from_env().take_tcp_listener(0)? {
            passed.set_nonblocking(true)?;
            return Ok(Self {
                tcp: TcpListener::from_std(passed)?,
                heir: Heir::Successor,
            });
        }
        let socket = match config.listen {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        if config.http.reuse_port {
            socket.set_reuseport(true)?;
        }
        socket.bind(config.listen)?;
        Ok(Self {
            tcp: socket.listen(BACKLOG)?,
            heir: match config.http.reuse_port {
                true => Heir::Neighbour,
                false => Heir::Nobody,
            },
        })
    }

    /// Its address.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Whether another process may listen there before this one has ended.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.heir != Heir::Nobody
    }
}

impl From<TcpListener> for Listener {
    /// One of the caller's own, that ends with the server.
    fn from(tcp: TcpListener) -> Self {
        Self {
            tcp,
            heir: Heir::Nobody,
        }
    }
}
