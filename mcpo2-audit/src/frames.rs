use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use mcpo2_core::{Body, Error, Frame, Frames, Reply};

use crate::{Commit, Outcome, pending::Pending, receipt::Receipt};

/// Records a call that has its reply, or will when the reply's stream ends. What comes with it is
/// what the reply is to wait for.
pub(crate) fn record(
    result: Result<Reply, Error>,
    mut pending: Pending,
    receipt: Option<Receipt>,
) -> (Result<Reply, Error>, Option<Commit>) {
    let mut reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            let commit = pending.fail(&error);
            return (Err(error), commit);
        }
    };
    reply.extensions_mut().insert(pending.id());
    let commit = match reply.body() {
        Body::Empty => pending.finish(Outcome::Ok),
        Body::Complete(message) => {
            pending.complete(message, reply.response().as_deref());
            pending.finish(Outcome::Unreadable)
        }
        Body::Stream(_) => {
            let reply = reply.map_body(|body| match body {
                Body::Stream(inner) => Body::Stream(Frames::new(Recorded {
                    inner,
                    pending,
                    receipt,
                    held: None,
                    is_over: false,
                })),
                other => other,
            });
            return (Ok(reply), None);
        }
    };
    let reply = match receipt {
        Some(receipt) => receipt.put_into(reply),
        None => reply,
    };
    (Ok(reply), commit)
}

/// A stream that is recorded when it ends or is dropped.
struct Recorded {
    // INVARIANT: before `pending`, as in `ResponseFuture`.
    inner: Frames,
    pending: Pending,
    receipt: Option<Receipt>,
    /// What is to be said once the record is safe.
    held: Option<(Commit, Option<Result<Frame, Error>>)>,
    is_over: bool,
}

impl Stream for Recorded {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some((commit, _)) = &mut self.held {
                let safe = ready!(Pin::new(commit).poll(cx));
                let said = self.held.take().and_then(|(_, said)| said);
                return Poll::Ready(match (safe, said) {
                    (Ok(_), said) => said,
                    // An error is one, recorded or not.
                    (Err(_), Some(Err(error))) => Some(Err(error)),
                    (Err(error), _) => {
                        self.is_over = true;
                        Some(Err(error.into()))
                    }
                });
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let mut next = ready!(Pin::new(&mut self.inner).poll_next(cx));
            let commit = match &mut next {
                Some(Ok(frame)) => {
                    self.pending.message(frame.data());
                    if let Some(receipt) = &self.receipt {
                        receipt.put_into_frame(frame);
                    }
                    self.pending.settle()
                }
                Some(Err(error)) => self.pending.fail(error),
                None => {
                    self.is_over = true;
                    self.pending.finish(Outcome::Detached)
                }
            };
            match commit {
                Some(commit) => self.held = Some((commit, next)),
                None => return Poll::Ready(next),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.inner.size_hint();
        // One more, where the end cannot be made safe.
        (least, most.map(|most| most.saturating_add(1)))
    }
}
