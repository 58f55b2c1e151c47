use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, ErrorKind, Reply};
use pin_project_lite::pin_project;

use super::redaction::Redaction;

pin_project! {
    /// The reply, without what was to be blotted out of it.
    #[derive(Debug)]
    pub struct RedactFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProj]
    enum State<F> {
        Inner { #[pin] future: F, redaction: Option<Box<Redaction>> },
        Rejected { error: Option<Error> },
    }
}

impl<F> RedactFuture<F> {
    /// Most calls have none, and pay for the room of a pointer.
    pub(super) fn inner(future: F, redaction: Option<Redaction>) -> Self {
        let redaction = redaction.map(Box::new);
        let state = State::Inner { future, redaction };
        Self { state }
    }

    pub(super) fn rejected(error: Error) -> Self {
        let state = State::Rejected { error: Some(error) };
        Self { state }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for RedactFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Inner { future, redaction } => {
                let reply = ready!(future.poll(cx))?;
                Poll::Ready(match redaction.take() {
                    Some(redaction) => redaction.reply(reply),
                    None => Ok(reply),
                })
            }
            StateProj::Rejected { error } => Poll::Ready(Err(error
                .take()
                .unwrap_or_else(|| Error::new(ErrorKind::Internal, "internal error")))),
        }
    }
}
