use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// Waits for a future on this thread, which may sleep meanwhile.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            // It may come back without a reason: then the future is asked once more.
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::poll_fn;

    use super::*;

    #[test]
    fn it_sleeps_until_another_thread_wakes_it() {
        let (mut polls, mut waking) = (0, None);
        let slow = poll_fn(|context| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(polls);
            }
            let waker = context.waker().clone();
            waking = Some(thread::spawn(move || {
                thread::sleep(Duration::from_millis(5));
                waker.wake();
            }));
            Poll::Pending
        });
        assert_eq!(wait(slow), 2);
    }
}
