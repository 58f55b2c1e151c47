use std::{
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Call, Error, Fact, Permitted, Reply};
use tower_service::Service;

use crate::{
    ResponseFuture, Situation, Verdict, discharge,
    filter::Filter,
    layer::{Known, Parts},
    subscription,
};

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

    pub(crate) fn known(&self) -> &Known {
        &self.parts.known
    }

    /// What the engine says of a call, and when and from where it came.
    pub(crate) fn decide(&self, call: &Call) -> (Verdict, Situation) {
        let known = &self.parts.known;
        let situation = known.surroundings.of(call);
        (subscription::decide(call, &situation, known), situation)
    }
}

impl<S> PolicyService<S>
where
    S: Service<Permitted, Response = Reply, Error = Error>,
{
    /// Does what a verdict says. The inner service must be ready.
    pub(crate) fn apply(
        &mut self,
        verdict: Verdict,
        call: Call,
        situation: Situation,
    ) -> ResponseFuture<S::Future> {
        let known = &self.parts.known;
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
        let (verdict, situation) = self.decide(&call);
        self.apply(verdict, call, situation)
    }
}
