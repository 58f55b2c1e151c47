use std::sync::Arc;

use mcpo2_core::Digest;

use crate::{Query, Verdict, Visibility};

/// Decides: the seam for an engine other than [`Policy`](crate::Policy).
///
/// Both questions are pure and do not wait. An engine that cannot answer says
/// [`Verdict::eval_error`] or [`Visibility::Denied`]; there is no way to say nothing.
pub trait Authorize: Send + Sync + 'static {
    /// Whether this call may go on, on its real arguments.
    fn decide(&self, query: &Query<'_>) -> Verdict;

    /// Whether an item may be shown in a list; the query is one of [`Query::listed`].
    ///
    /// It must not hide what [`decide`](Self::decide) allows for some arguments.
    fn visible(&self, query: &Query<'_>) -> Visibility;

    /// The digest of the rules by which it decides.
    fn digest(&self) -> Digest;

    /// Whether everything is visible to everyone, so that lists pass as they are.
    fn is_uniform(&self) -> bool {
        false
    }
}

impl<A: Authorize + ?Sized> Authorize for Arc<A> {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        (**self).decide(query)
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        (**self).visible(query)
    }

    fn digest(&self) -> Digest {
        (**self).digest()
    }

    fn is_uniform(&self) -> bool {
        (**self).is_uniform()
    }
}
