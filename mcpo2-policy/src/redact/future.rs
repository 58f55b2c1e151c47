use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use mcpo2_core::{Error, Reply};
use pin_project_lite::pin_project;

use super::redaction::Redaction;
use crate::passed::Passed;

pin_project! {
    /// The reply, without what was to be blotted out of it.
    #[derive(Debug)]
    pub struct RedactFuture<F> {
        #[pin]
        passed: Passed<F>,
        redaction: Option<Box<Redaction>>,
    }
}

impl<F> RedactFuture<F> {
    /// Most calls have none, and pay for the room of a pointer.
    pub(super) fn inner(future: F, redaction: Option<Redaction>) -> Self {
        Self {
            passed: Passed::on(future),
            redaction: redaction.map(Box::new),
        }
    }

    pub(super) fn rejected(error: Error) -> Self {
        Self {
            passed: Passed::refused(error),
            redaction: None,
        }
    }
}

impl<F: Future<Output = Result<Reply, Error>>> Future for RedactFuture<F> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reply = ready!(this.passed.poll(cx))?;
        Poll::Ready(match this.redaction.take() {
            Some(redaction) => redaction.reply(reply),
            None => Ok(reply),
        })
    }
}
