use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use mcpo2_core::{Body, Error, Frame, Frames, Reply};

use crate::{Outcome, pending::Pending};

/// Records a call that has its reply, or will when the reply's stream ends.
pub(crate) fn record(result: Result<Reply, Error>, mut pending: Pending) -> Result<Reply, Error> {
    let mut reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            pending.fail(&error);
            return Err(error);
        }
    };
    reply.extensions_mut().insert(pending.id());
    match reply.body() {
        Body::Empty => pending.finish(Outcome::Ok),
        Body::Complete(message) => {
            pending.complete(message, reply.response().as_deref());
            pending.finish(Outcome::Unreadable);
        }
        Body::Stream(_) => {
            return Ok(reply.map_body(|body| match body {
                Body::Stream(inner) => Body::Stream(Frames::new(Recorded { inner, pending })),
                other => other,
            }));
        }
    }
    Ok(reply)
}

/// A stream that is recorded when it ends or is dropped.
struct Recorded {
    // INVARIANT: before `pending`, as in `ResponseFuture`.
    inner: Frames,
    pending: Pending,
}

impl Stream for Recorded {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.inner).poll_next(cx));
        match &next {
            Some(Ok(frame)) => self.pending.message(frame.data()),
            Some(Err(error)) => self.pending.fail(error),
            None => self.pending.finish(Outcome::Detached),
        }
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
