use std::fmt;

use async_trait::async_trait;

/// Work of a processor, some ten milliseconds of it, that waits for nothing but the texts of a
/// workspace.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs what keeps a processor busy, for hosts that have threads for that.
///
/// ```
/// use mcpo2_artifact::context::{Job, Run};
///
/// #[derive(Debug)]
/// struct Threads;
///
/// #[async_trait::async_trait]
/// impl Run for Threads {
///     async fn run(&self, job: Job) {
///         // A job that panics fails its own call.
///         let _ = tokio::task::spawn_blocking(job).await;
///     }
/// }
/// ```
#[async_trait]
pub trait Run: fmt::Debug + Send + Sync {
    /// Runs the job to its end, or drops it: then its call fails.
    async fn run(&self, job: Job);
}

/// Runs a job where it is, and so keeps other calls of the same thread waiting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

#[async_trait]
impl Run for Inline {
    async fn run(&self, job: Job) {
        job();
    }
}
