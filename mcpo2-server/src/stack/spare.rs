use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcpo2_core::{Call, Error, Reply};
use tower::{Service as _, ServiceExt as _};

use super::Stack;

/// A stack, and clones of it that wait for calls.
///
/// A clone counts up and down what all its layers share, and on many processors that costs more
/// than most layers do. A stack is free again as soon as it has begun a call, so there are hardly
/// more of them than processors.
pub(crate) struct Stacks {
    first: Stack,
    spare: Mutex<Vec<Stack>>,
}

/// So many are kept.
const MOST: usize = 64;

impl Stacks {
    /// Runs a call through a stack.
    pub(crate) async fn run(&self, call: Call) -> Result<Reply, Error> {
        let spare = self.spare().pop();
        let mut stack = spare.unwrap_or_else(|| self.first.clone());
        // One whose layer panicked is never ready again, and goes.
        if stack.ready().await.is_err() {
            stack = self.first.clone();
            stack.ready().await?;
        }
        let reply = stack.call(call);
        self.keep(stack);
        reply.await
    }

    fn keep(&self, stack: Stack) {
        let mut spare = self.spare();
        if spare.len() < MOST {
            spare.push(stack);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Stack>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Stack> for Stacks {
    fn from(first: Stack) -> Self {
        Self {
            first,
            spare: Mutex::default(),
        }
    }
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stacks").finish_non_exhaustive()
    }
}
