use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use mcpo2_core::{Error, ErrorKind, Permitted, Reply};
use tower_service::Service;

use super::{RateFuture, buckets::Refused, layer::Parts};

/// Refuses calls that do not keep to their rate classes; a call without one passes.
#[derive(Clone)]
pub struct RateService<S> {
    inner: S,
    parts: Arc<Parts>,
}

impl<S> RateService<S> {
    pub(super) fn new(inner: S, parts: Arc<Parts>) -> Self {
        Self { inner, parts }
    }

    fn admit(&self, permitted: &Permitted, now: Instant) -> Result<(), Error> {
        let (call, classes) = (permitted.call(), &permitted.obligations().rate_classes);
        if classes.is_empty() {
            return Ok(());
        }
        let known = classes
            .iter()
            .map(|class| Some((&**class, self.parts.rates.of(class)?)));
        let Some(classes) = known.collect::<Option<Vec<_>>>() else {
            let error = Error::not_found(ErrorKind::Denied, call.request());
            return Err(error.with_source("a rate class that is not known"));
        };
        let taken = self.parts.buckets.take(call.principal(), &classes, now);
        taken.map_err(|refused| {
            self.parts.tally.rate_refused(refused.class);
            overloaded(&refused)
        })
    }
}

/// What the caller learns: when to come again, and not by which class.
fn overloaded(refused: &Refused<'_>) -> Error {
    let millis = refused.retry.as_millis();
    Error::new(ErrorKind::Overloaded, "too many calls in this time")
        .with_data(format!(r#"{{"retryAfterMs":{}}}"#, millis.max(1)))
        .with_source(format!("the rate of class `{}`", refused.class))
}

impl<S> Service<Permitted> for RateService<S>
where
    S: Service<Permitted, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = RateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        match self.admit(&permitted, Instant::now()) {
            Ok(()) => RateFuture::inner(self.inner.call(permitted)),
            Err(error) => RateFuture::refused(error),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for RateService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
