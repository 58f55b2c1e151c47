use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use mcpo2_core::{Body, Call, Error, ErrorKind, Frames, Reply};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// Lets a panic of what is below fail its own call and nothing else. It stands below the ledger,
/// which so has a record that says what happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct PanicLayer;

impl<S> Layer<S> for PanicLayer {
    type Service = PanicService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PanicService {
            inner,
            panicked: false,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct PanicService<S> {
    inner: S,
    /// INVARIANT: what panicked is not called again.
    panicked: bool,
}

impl<S> Service<Call> for PanicService<S>
where
    S: Service<Call, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.panicked {
            true => Poll::Ready(Err(Error::new(ErrorKind::Internal, "internal error"))),
            false => self.inner.poll_ready(cx),
        }
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(call))) {
            Ok(reply) => ResponseFuture {
                reply: Some(reply),
                error: None,
            },
            Err(panic) => {
                self.panicked = true;
                ResponseFuture {
                    reply: None,
                    error: Some(failed(panic)),
                }
            }
        }
    }
}

pin_project! {
    /// The reply, or the error that a panic became.
    pub(super) struct ResponseFuture<F> {
        #[pin]
        reply: Option<F>,
        error: Option<Error>,
    }
}

impl<F> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, Error>>,
{
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Err(error));
        }
        let Some(reply) = this.reply.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let reply = match catch_unwind(AssertUnwindSafe(|| reply.poll(cx))) {
            Ok(reply) => ready!(reply),
            Err(panic) => Err(failed(panic)),
        };
        Poll::Ready(reply.map(|reply| reply.map_body(guard)))
    }
}

/// A stream ends in an error where it would panic.
fn guard(body: Body) -> Body {
    let Body::Stream(frames) = body else {
        return body;
    };
    Body::Stream(Frames::new(stream::unfold(Some(frames), |frames| async {
        let mut frames = frames?;
        match AssertUnwindSafe(frames.next()).catch_unwind().await {
            Ok(frame) => Some((frame?, Some(frames))),
            Err(panic) => Some((Err(failed(panic)), None)),
        }
    })))
}

/// What a panic says is for the operator: the hook of the process has logged where it was.
fn failed(panic: Box<dyn Any + Send>) -> Error {
    let said = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().map_or_else(
            |_| "something that is no text".into(),
            |text| (*text).to_owned(),
        ),
    };
    tracing::error!("a layer panicked");
    Error::new(ErrorKind::Internal, "internal error").with_source(format!("panic: {said}"))
}
