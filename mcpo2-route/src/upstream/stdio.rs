//! Modules that are child processes and speak over their standard input and output.
//!
//! Each session of a client has a child of its own, and all calls without a session share one. A
//! child runs in its own process group, with the environment that its [`Command`] lists and no
//! more, in a [`Sandbox`]. Whatever it starts ends with it, unless that leaves the group: nothing
//! finds it then. What it writes to standard error is for the operator:
//! [`StdioUpstream::stderr`].

mod backoff;
mod child;
mod command;
mod confine;
mod link;
mod ring;
mod rlimits;
mod sandbox;

pub use command::Command;
pub use confine::{Confinement, Support};
pub use rlimits::ProcessLimits;
pub use sandbox::Sandbox;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use mcpo2_core::{Error, ErrorKind};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use self::{backoff::Backoff, child::Running, link::StdioLink, ring::Ring};
use super::{
    ClientInfo, Hello, Limits, Link, Noise, NoiseCounter, Upstream, fault, line::LineLink,
};

/// How much of what children write to standard error is kept.
const STDERR: usize = 64 * 1024;

/// A module that is started as a child process for each link.
///
/// The first start is immediate. After a start that did not work, or a shared child that ended
/// unasked, the next waits 1 s, twice as long after each further failure, 30 s at most. A wait
/// that exceeds [`Limits::connect`] is not waited for: the module is unavailable.
///
/// Opening and closing links needs a tokio runtime with I/O and time.
pub struct StdioUpstream {
    command: Command,
    client: ClientInfo,
    limits: Limits,
    sessions: Arc<Semaphore>,
    backoff: Arc<Backoff>,
    stderr: Arc<Ring>,
    noise: Arc<NoiseCounter>,
    /// Whether children end at the handshake of a session.
    is_stateless: AtomicBool,
}

impl StdioUpstream {
    /// A module that `command` starts.
    #[must_use]
    pub fn new(command: Command, client: ClientInfo, limits: Limits) -> Self {
        Self {
            command,
            client,
            sessions: Arc::new(Semaphore::new(limits.sessions.min(Semaphore::MAX_PERMITS))),
            limits,
            backoff: Arc::default(),
            stderr: Arc::new(Ring::new(STDERR)),
            noise: Arc::default(),
            is_stateless: AtomicBool::new(false),
        }
    }

    /// The last 64 KiB that children wrote to standard error. They may say anything there:
    /// nothing of it is for callers, and a terminal should see it escaped.
    #[must_use]
    pub fn stderr(&self) -> Vec<u8> {
        self.stderr.contents()
    }

    async fn wait(&self) -> Result<(), Error> {
        match self.backoff.delay() {
            Some(delay) if delay > self.limits.connect => Err(fault::unavailable(
                "the module ended and starts again later",
            )),
            Some(delay) => {
                sleep(delay).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Starts a child and shakes hands, with `hello` or as for all calls.
    async fn start(
        &self,
        hello: Option<&Hello>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<StdioLink, Error> {
        let started = child::start(&self.command, &self.stderr, &self.backoff).await;
        let Running {
            pipes,
            leash,
            state,
        } = started.map_err(fault::unavailable)?;
        let (stdout, stdin) = pipes;
        let pipes = (stdout, stdin, (leash, permit));
        let (limits, noise) = (self.limits.clone(), Arc::clone(&self.noise));
        let line = LineLink::join(pipes, hello, (&self.client, limits, noise)).await?;
        Ok(StdioLink::new(line, state))
    }

    /// Takes note of a module that does not start.
    fn count(&self, error: &Error) {
        if error.kind() == ErrorKind::Unavailable {
            self.backoff.failed();
        }
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.sessions).try_acquire_owned();
        permit.map_err(|_| fault::too_many_sessions())
    }
}

#[async_trait]
impl Upstream for StdioUpstream {
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        self.wait().await?;
        let Some(said) = hello else {
            let link = self
                .start(None, None)
                .await
                .inspect_err(|e| self.count(e))?;
            link.counts();
            return Ok(Arc::new(link));
        };
        let refused = match self.is_stateless.load(Ordering::Relaxed) {
            true => None,
            false => match self.start(Some(said), Some(self.permit()?)).await {
                Ok(link) => return Ok(Arc::new(link)),
                Err(error) if error.kind() != ErrorKind::Unavailable => return Err(error),
                Err(error) => Some(error),
            },
        };
        // Some modules end at a handshake that they do not know: another child is asked in the
        // other way.
        let other = self.start(None, Some(self.permit()?)).await;
        let is_stateless = other
            .as_ref()
            .is_ok_and(|link| link.version().is_stateless());
        self.is_stateless.store(is_stateless, Ordering::Relaxed);
        match (other, refused) {
            (Ok(link), _) if is_stateless => Ok(Arc::new(link)),
            (Err(error), None) | (_, Some(error)) => {
                self.count(&error);
                Err(error)
            }
            // It has changed, and the next session begins as it should.
            (Ok(_), None) => Err(fault::unavailable("the module speaks another revision now")),
        }
    }

    fn noise(&self) -> Vec<(Noise, u64)> {
        self.noise.counts()
    }
}

impl fmt::Debug for StdioUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdioUpstream")
            .field("command", &self.command)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
