use std::task::{Context, Poll};

use mcpo2_core::{Call, Error, Reply};
use tower_service::Service;

use crate::{Ledger, ResponseFuture, pending::Pending};

/// Records every call: see [`AuditLayer`](crate::AuditLayer).
///
/// A call gets its place in the ledger before the inner service gets the call; where there is no
/// place, there is no call. Its record is written when the reply is complete, when its stream
/// ends, or when either is dropped.
#[derive(Debug, Clone)]
pub struct AuditService<S> {
    inner: S,
    ledger: Ledger,
    generation: Option<u64>,
}

impl<S> AuditService<S> {
    /// A service that writes to this ledger, in this generation of the configuration.
    pub fn new(inner: S, ledger: Ledger, generation: Option<u64>) -> Self {
        Self {
            inner,
            ledger,
            generation,
        }
    }
}

impl<S> Service<Call> for AuditService<S>
where
    S: Service<Call, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        match self.ledger.reserve() {
            Ok(place) => {
                call.extensions_mut().insert(place.id());
                let pending = Pending::new(place, &call, self.generation);
                ResponseFuture::recorded(self.inner.call(call), pending)
            }
            Err(error) => ResponseFuture::refused(error.into()),
        }
    }
}
