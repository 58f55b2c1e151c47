use rmcp::{ServerHandler, serve_server};
use tokio::{
    io::{DuplexStream, ReadHalf, WriteHalf, duplex, split},
    task::JoinHandle,
};

/// How many bytes a pipe holds before the writer waits.
const BUFFER: usize = 64 * 1024;

/// An rmcp [`ServerHandler`] that runs in this process and is spoken to as a child process is: one
/// JSON-RPC message a line.
///
/// The first request decides how: `initialize` opens a session, in which requests that carry their
/// own `_meta` are answered as well, each in its revision; without a session every request has to
/// carry it. `server/discover` and `ping` may precede either. Begin with a request: rmcp hangs up
/// on a notification that comes first.
#[derive(Debug)]
pub struct InProcess {
    /// What the handler says.
    pub reader: ReadHalf<DuplexStream>,
    /// What it hears.
    pub writer: WriteHalf<DuplexStream>,
    /// Ends it when dropped.
    pub guard: Guard,
}

/// Ends an in-process handler when dropped.
#[derive(Debug)]
#[must_use = "the handler ends when this is dropped"]
pub struct Guard(JoinHandle<()>);

impl Guard {
    /// Whether the handler has ended, as it does when its pipe is closed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a handler in this process.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn spawn<H: ServerHandler>(handler: H) -> InProcess {
    let (ours, its) = duplex(BUFFER);
    let task = tokio::spawn(async move {
        let served = match serve_server(handler, its).await {
            Ok(running) => running.waiting().await.map(drop).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = served {
            tracing::debug!(error, "an in-process handler ended");
        }
    });
    let (reader, writer) = split(ours);
    InProcess {
        reader,
        writer,
        guard: Guard(task),
    }
}
