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
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use mcpo2_core::{Error, ErrorKind};
use tokio::{sync::Semaphore, time::sleep};

use self::{backoff::Backoff, child::Running, link::StdioLink, ring::Ring};
use super::{ClientInfo, Hello, Limits, Link, Upstream, fault, line::LineLink};

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
}

#[async_trait]
impl Upstream for StdioUpstream {
    async fn open(&self, hello: Option<&Hello>) -> Result<Arc<dyn Link>, Error> {
        let permit = match hello {
            Some(_) => {
                let permit = Arc::clone(&self.sessions).try_acquire_owned();
                Some(permit.map_err(|_| fault::too_many_sessions())?)
            }
            None => None,
        };
        self.wait().await?;
        let started = child::start(&self.command, &self.stderr, &self.backoff).await;
        let Running {
            pipes,
            leash,
            state,
        } = started.map_err(|error| {
            self.backoff.failed();
            fault::unavailable(error)
        })?;
        let limits = self.limits.clone();
        let ((stdout, stdin), guard) = (pipes, (leash, permit));
        let opened = LineLink::open(stdout, stdin, hello, &self.client, limits, guard).await;
        let line = opened.inspect_err(|error| {
            if error.kind() == ErrorKind::Unavailable {
                self.backoff.failed();
            }
        })?;
        // The end of a session's child tells of its client as much as of the module.
        state.counts.store(hello.is_none(), Ordering::Relaxed);
        Ok(Arc::new(StdioLink::new(line, state)))
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
