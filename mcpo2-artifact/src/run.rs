use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

/// Work that keeps a thread busy: some ten milliseconds of selection, or as long as it takes to read
/// an archive out of a store.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs what keeps a processor busy, for hosts that have threads for that.
///
/// ```
/// use mcpo2_artifact::{Job, Run};
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

/// What this gives, run there; none where it did not run to its end.
pub(crate) async fn outcome<T: Send + 'static>(
    run: &dyn Run,
    job: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let slot = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&slot);
    let job = move || {
        let outcome = job();
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    };
    run.run(Box::new(job)).await;
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
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
