//! A TCP proxy that harms what passes through it.
//!
//! Each connection follows a [`Script`], direction by direction: so many bytes pass, or all up to
//! some text, and then they are held, trickled, garbled, cut off or reset. Scripts count bytes and
//! wait to be released; none of them needs a clock to do its harm at the right place.

mod connection;
mod door;
mod flow;
mod script;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::door::Door;

pub use self::script::{Act, Script};

/// A running proxy on a free port of the loopback.
///
/// Dropping it resets all its connections.
#[derive(Debug)]
pub struct Chaos {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

/// What went through the proxy so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Connections that were accepted.
    pub accepted: usize,
    /// Connections that are open.
    pub open: usize,
    /// Connections whose client has ended its side.
    pub left: usize,
    /// Bytes that were passed on to the upstream.
    pub up: usize,
    /// Bytes that were passed on to clients.
    pub down: usize,
}

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    seen: watch::Sender<Seen>,
    /// Counts the releases: what is held waits for the next.
    released: watch::Sender<u64>,
    /// Counts the resets of all that is open.
    resets: watch::Sender<u64>,
    door: Door,
    stopped: CancellationToken,
}

#[derive(Debug)]
struct Plan {
    upstream: SocketAddr,
    next: VecDeque<Script>,
    others: Script,
}

impl Chaos {
    /// Starts a proxy before `upstream`, which harms nothing until it is told to.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn before(upstream: SocketAddr) -> io::Result<Self> {
        let door = Door::reserve()?;
        let address = door.address();
        let stopped = CancellationToken::new();
        let shared = Arc::new(Shared {
            plan: Mutex::new(Plan {
                upstream,
                next: VecDeque::new(),
                others: Script::default(),
            }),
            seen: watch::Sender::default(),
            released: watch::Sender::default(),
            resets: watch::Sender::default(),
            door,
            stopped: stopped.clone(),
        });
        tokio::spawn(door::keep(Arc::clone(&shared)));
        let chaos = Self {
            address,
            shared,
            _stop: stopped.drop_guard(),
        };
        chaos.open_door().await;
        Ok(chaos)
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of an MCP endpoint behind the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Gives the next connection that has none yet a script of its own. Several queue up.
    pub fn next(&self, script: Script) {
        self.shared.plan().next.push_back(script);
    }

    /// Sets the script of all connections from here on that have none of their own.
    pub fn all(&self, script: Script) {
        self.shared.plan().others = script;
    }

    /// Sets where connections from here on lead.
    pub fn lead_to(&self, upstream: SocketAddr) {
        self.shared.plan().upstream = upstream;
    }

    /// Lets go on what is [held](Act::Hold), or will be, on the connections that are open.
    pub fn release(&self) {
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Resets all connections that are open.
    pub fn reset(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// Refuses connections from here on, as a host on which nobody listens does. Those that are
    /// open stay so, and the port stays ours.
    pub async fn close_door(&self) {
        self.shared.door.set(false).await;
    }

    /// Accepts connections again.
    pub async fn open_door(&self) {
        self.shared.door.set(true).await;
    }

    /// What went through so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        *self.shared.seen.borrow()
    }

    /// Waits until what went through is as wanted.
    pub async fn wait_for(&self, wanted: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        match seen.wait_for(wanted).await {
            Ok(seen) => *seen,
            // The sender lives as long as this proxy does.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the connection that comes now has to follow, and where it leads.
    fn take(&self) -> (Script, SocketAddr) {
        let mut plan = self.plan();
        let script = plan.next.pop_front();
        (script.unwrap_or_else(|| plan.others.clone()), plan.upstream)
    }
}
