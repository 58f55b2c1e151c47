//! Engines that have to be waited for.

mod future;
mod layer;
#[cfg(feature = "opa")]
mod opa;
mod service;

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_core::Digest;

use crate::Verdict;

#[cfg(feature = "opa")]
pub use self::opa::{OpaEngine, OpaError};
pub use self::{
    future::RemoteResponseFuture, layer::RemotePolicyLayer, service::RemotePolicyService,
};

/// Decides elsewhere: the seam for an engine that has to be waited for.
///
/// It sees what the local engine did not deny, as the document of an [`Input`](crate::Input), and
/// can only restrict. It bounds the time that it takes itself, and says [`Verdict::eval_error`]
/// where it cannot answer.
///
/// # Cancellation
///
/// Its future is dropped with the call; it leaves nothing running.
#[async_trait]
pub trait RemoteEngine: Send + Sync + 'static {
    /// Whether the call may go on of which this document (JSON) tells.
    async fn decide(&self, document: Bytes) -> Verdict;

    /// The digest of what it decides by, as far as this side knows it.
    fn digest(&self) -> Digest;
}
