use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use async_trait::async_trait;
use mcpo2_artifact::{Job, Run};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many processors there are.
pub(crate) fn count() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Works on threads that may be busy, on as many at once as there are processors.
#[derive(Debug)]
pub(crate) struct Processors(Arc<Semaphore>);

impl Processors {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(count().get())))
    }
}

#[async_trait]
impl Run for Processors {
    async fn run(&self, job: Job) {
        let Ok(permit) = Arc::clone(&self.0).acquire_owned().await else {
            return;
        };
        let run = spawn_blocking(move || {
            job();
            drop(permit);
        });
        if let Err(error) = run.await {
            tracing::error!(%error, "work did not run to its end");
        }
    }
}
