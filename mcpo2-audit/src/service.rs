use std::{
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Call, Error, Reply};
use tower_service::Service;

use crate::{Ledger, ResponseFuture, begun::Begun, layer::Settings, pending::Pending};

/// Records every call: see [`AuditLayer`](crate::AuditLayer).
///
/// A call gets its place in the ledger before the inner service gets the call; where there is no
/// place, there is no call. Its record is written when the reply is complete, when its stream
/// ends, or when either is dropped.
#[derive(Debug, Clone)]
pub struct AuditService<S> {
    inner: S,
    ledger: Ledger,
    settings: Settings,
}

impl<S> AuditService<S> {
    pub(crate) fn new(inner: S, ledger: Ledger, settings: Settings) -> Self {
        Self {
            inner,
            ledger,
            settings,
        }
    }

    /// A place for the record of this call, and what is known of it.
    fn begin(&self, call: &Call) -> Result<(Pending, Arc<Begun>), crate::Error> {
        let place = self.ledger.reserve()?;
        let begun = Arc::new(Begun::new(&self.ledger, call, self.settings.generation)?);
        let durability = self.settings.durability;
        Ok((
            Pending::new(place, call, Arc::clone(&begun), durability),
            begun,
        ))
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
        match self.begin(&call) {
            Ok((pending, begun)) => {
                call.extensions_mut().insert(pending.id());
                call.extensions_mut().insert(Arc::clone(&begun));
                let inner = self.inner.call(call);
                ResponseFuture::recorded(inner, pending, begun, self.settings.receipts)
            }
            Err(error) => ResponseFuture::refused(error.into()),
        }
    }
}
