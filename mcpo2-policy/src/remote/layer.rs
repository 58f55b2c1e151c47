use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{RemoteEngine, RemotePolicyService};
use crate::{PolicyLayer, PolicyService};

/// A [`PolicyLayer`] and a remote engine, both of which must allow.
///
/// Lists are filtered by the local engine alone: one question to a remote engine for each entry
/// would take as long as the list is, and a list only shows what exists. So a caller may see what
/// the remote engine then denies it.
///
/// ```
/// use std::sync::Arc;
///
/// use bytes::Bytes;
/// use mcpo2_core::Digest;
/// use mcpo2_policy::{Policy, PolicyLayer, RemoteEngine, Verdict};
///
/// struct Closed;
///
/// #[async_trait::async_trait]
/// impl RemoteEngine for Closed {
///     async fn decide(&self, _document: Bytes) -> Verdict {
///         Verdict::eval_error("nobody is there", self.digest())
///     }
///
///     fn digest(&self) -> Digest {
///         Digest::of(b"closed")
///     }
/// }
///
/// let layer = PolicyLayer::new(Arc::new(Policy::allow_all())).and_remote(Arc::new(Closed));
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct RemotePolicyLayer {
    local: PolicyLayer,
    remote: Arc<dyn RemoteEngine>,
}

impl PolicyLayer {
    /// The same, where what the engine does not deny is asked of `remote` too. Methods of the
    /// protocol are not.
    #[must_use]
    pub fn and_remote(self, remote: Arc<dyn RemoteEngine>) -> RemotePolicyLayer {
        RemotePolicyLayer {
            local: self,
            remote,
        }
    }
}

impl<S> Layer<S> for RemotePolicyLayer {
    type Service = RemotePolicyService<S>;

    fn layer(&self, inner: S) -> RemotePolicyService<S> {
        let local: PolicyService<S> = self.local.layer(inner);
        RemotePolicyService::new(local, Arc::clone(&self.remote))
    }
}

impl fmt::Debug for RemotePolicyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemotePolicyLayer")
            .field("local", &self.local)
            .field("remote", &self.remote.digest())
            .finish()
    }
}
