//! What is done to each message of a reply, whether it is one or a stream of them.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use mcpo2_core::{Body, Error, Frame, Frames, Reply};

/// Writes the messages of one reply anew, one after the other.
pub(crate) trait Rewrite: Send + Unpin + 'static {
    /// The only message of a reply.
    fn only(&mut self, message: Bytes) -> Result<Bytes, Error>;

    /// A frame of a stream that has data.
    fn frame(&mut self, frame: Frame) -> Result<Frame, Error>;

    /// The stream is over, or ends with an error. Whoever waits for its end sees this before.
    fn ended(&mut self) {}
}

/// The reply as `by` writes it. A stream ends with the first error.
pub(crate) fn rewritten(reply: Reply, mut by: impl Rewrite) -> Result<Reply, Error> {
    let mut fault = None;
    let reply = reply.map_body(|body| match body {
        Body::Complete(bytes) => match by.only(bytes) {
            Ok(bytes) => Body::Complete(bytes),
            Err(error) => {
                fault = Some(error);
                Body::Empty
            }
        },
        Body::Stream(frames) => Body::Stream(Frames::new(Rewritten {
            frames: Some(frames),
            by,
        })),
        Body::Empty => Body::Empty,
    });
    fault.map_or(Ok(reply), Err)
}

struct Rewritten<R> {
    frames: Option<Frames>,
    by: R,
}

impl<R: Rewrite> Rewritten<R> {
    fn frame(&mut self, frame: Frame) -> Result<Frame, Error> {
        match frame.data().is_empty() {
            true => Ok(frame),
            false => self.by.frame(frame),
        }
    }
}

impl<R: Rewrite> Stream for Rewritten<R> {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(frames) = &mut this.frames else {
            return Poll::Ready(None);
        };
        let next = ready!(Pin::new(frames).poll_next(cx));
        let next = next.map(|frame| this.frame(frame?));
        if !matches!(next, Some(Ok(_))) {
            this.frames = None;
            this.by.ended();
        }
        Poll::Ready(next)
    }
}
