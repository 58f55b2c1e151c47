use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{backoff::Backoff, command::Command, ring::Ring};

/// The time that a child has to end by itself, and then again after it was told to.
const GRACE: Duration = Duration::from_secs(2);

/// A child that was started.
pub(super) struct Running {
    pub(super) pipes: (ChildStdout, ChildStdin),
    /// Dropping it ends the child.
    pub(super) leash: oneshot::Sender<()>,
    pub(super) state: Arc<State>,
}

/// What is known of a child from outside.
#[derive(Debug)]
pub(super) struct State {
    /// Whether its end, where nobody asked for it, is a failure of the module.
    pub(super) counts: AtomicBool,
    pub(super) ended: watch::Receiver<bool>,
}

/// Starts a child, and a task that sees it to its end.
pub(super) async fn start(
    command: &Command,
    ring: &Arc<Ring>,
    backoff: &Arc<Backoff>,
) -> io::Result<Running> {
    let (group, mut child) = command.spawn().await?;
    let lost = || io::Error::other("the child has no pipes");
    let pipes = (
        child.stdout.take().ok_or_else(lost)?,
        child.stdin.take().ok_or_else(lost)?,
    );
    let stderr = child.stderr.take().ok_or_else(lost)?;
    let (leash, cut) = oneshot::channel();
    let (end, ended) = watch::channel(false);
    let state = Arc::new(State {
        counts: AtomicBool::new(false),
        ended,
    });
    let supervisor = Supervisor {
        child,
        group,
        drain: tokio::spawn(drain(stderr, Arc::clone(ring))),
        state: Arc::clone(&state),
        backoff: Arc::clone(backoff),
        since: Instant::now(),
    };
    tokio::spawn(async move {
        supervisor.run(cut).await;
        end.send_replace(true);
    });
    Ok(Running {
        pipes,
        leash,
        state,
    })
}

struct Supervisor {
    // INVARIANT: before `child`, so that the whole group is killed before the leader is.
    group: Group,
    child: Child,
    drain: JoinHandle<()>,
    state: Arc<State>,
    backoff: Arc<Backoff>,
    since: Instant,
}

impl Supervisor {
    async fn run(mut self, cut: oneshot::Receiver<()>) {
        let counts = |state: &State| state.counts.load(Ordering::Relaxed);
        tokio::select! {
            status = self.child.wait() => {
                tracing::warn!(?status, "a module ended unasked");
                if counts(&self.state) {
                    self.backoff.ended(self.since.elapsed());
                }
            }
            _ = cut => {
                self.end().await;
                if counts(&self.state) {
                    self.backoff.recovered();
                }
            }
        }
        // INVARIANT: right after the leader was reaped. Its number stays taken while the group
        // has a member, and is not given out anew at once where it has none.
        self.group.finish();
        if timeout(GRACE, &mut self.drain).await.is_err() {
            self.drain.abort();
        }
    }

    /// Its standard input is closed already, which is how a module is asked to end.
    async fn end(&mut self) {
        if timeout(GRACE, self.child.wait()).await.is_ok() {
            return;
        }
        self.group.signal(Signal::TERM);
        if timeout(GRACE, self.child.wait()).await.is_ok() {
            return;
        }
        self.group.signal(Signal::KILL);
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "a module that was killed could not be waited for");
        }
    }
}

/// The process group of a child; dropping it kills what is left.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group that a child leads, which was not waited for yet.
    pub(super) fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        )
    }

    /// The child that leads it.
    #[cfg(target_os = "linux")]
    pub(super) fn leader(&self) -> Option<Pid> {
        self.0
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0
            && let Err(error) = kill_process_group(pid, signal)
        {
            tracing::debug!(%error, "a process group takes no signal");
        }
    }

    fn finish(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn drain(mut stderr: ChildStderr, ring: Arc<Ring>) {
    let mut buffer = [0; 8192];
    while let Ok(read) = stderr.read(&mut buffer).await {
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        tracing::debug!(text = ?String::from_utf8_lossy(bytes), "a module wrote to standard error");
        ring.push(bytes);
    }
}
