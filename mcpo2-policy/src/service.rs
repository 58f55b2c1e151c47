use std::{
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Call, Error, Fact, Permitted, Reply};
use tower_service::Service;

use crate::{ResponseFuture, discharge, filter::Filter, layer::Parts, subscription};

/// Decides on each call, and hides from lists what the caller may not use.
///
/// A call that is denied, or that waits for an approval, never reaches the inner service.
#[derive(Debug, Clone)]
pub struct PolicyService<S> {
    inner: S,
    parts: Arc<Parts>,
}

impl<S> PolicyService<S> {
    pub(crate) fn new(inner: S, parts: Arc<Parts>) -> Self {
        Self { inner, parts }
    }
}

impl<S> Service<Call> for PolicyService<S>
where
    S: Service<Permitted, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let known = &self.parts.known;
        let situation = known.surroundings.of(&call);
        let verdict = subscription::decide(&call, &situation, known);
        let verdict = discharge::settle(verdict, &call, &situation, known);
        let (decision, decided) = verdict.into_parts();
        call.trail().record(Fact::Decided(decided));
        let filter = Filter::for_call(&call, situation, &self.parts);
        match call.decide(decision) {
            Ok(permitted) => ResponseFuture::inner(self.inner.call(permitted), filter),
            Err(error) => ResponseFuture::rejected(error),
        }
    }
}
