use std::sync::Arc;

use mcpo2_core::{Digest, Item};

use crate::{Query, Verdict, Visibility};

/// Decides: the seam for an engine other than [`Policy`](crate::Policy).
///
/// All questions are pure and do not wait; what has to wait is a
/// [`RemoteEngine`](crate::RemoteEngine). An engine that cannot answer says
/// [`Verdict::eval_error`] or [`Visibility::Denied`]; there is no way to say nothing.
/// `conformance` (a feature) holds what every engine promises, for those who write one to run.
pub trait Engine: Send + Sync + 'static {
    /// Whether this call may go on, on its real arguments.
    fn decide(&self, query: &Query<'_>) -> Verdict;

    /// Whether an item may be shown in a list; the query is one of [`Query::listed`].
    ///
    /// It must not hide what [`decide`](Self::decide) allows for some arguments.
    fn visible(&self, query: &Query<'_>) -> Visibility;

    /// The digest of the rules by which it decides.
    fn digest(&self) -> Digest;

    /// What of these items may be shown in a list, in their order. `query` makes the query of one:
    /// they are by one caller in one situation.
    ///
    /// An engine that can do better than one after the other says so here.
    fn visible_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q Item>,
        query: &dyn Fn(&'q Item) -> Query<'q>,
    ) -> Vec<Visibility> {
        items.map(|item| self.visible(&query(item))).collect()
    }

    /// What of the situation its lists depend on, as it is in this query: a list that was made in a
    /// situation with the same is the same. None where no list may be made for later.
    fn situation_key(&self, query: &Query<'_>) -> Option<Box<[u8]>> {
        let _ = query;
        None
    }

    /// Whether everything is visible to everyone, so that lists pass as they are.
    fn is_uniform(&self) -> bool {
        false
    }
}

impl<A: Engine + ?Sized> Engine for Arc<A> {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        (**self).decide(query)
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        (**self).visible(query)
    }

    fn digest(&self) -> Digest {
        (**self).digest()
    }

    fn visible_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q Item>,
        query: &dyn Fn(&'q Item) -> Query<'q>,
    ) -> Vec<Visibility> {
        (**self).visible_of(items, query)
    }

    fn situation_key(&self, query: &Query<'_>) -> Option<Box<[u8]>> {
        (**self).situation_key(query)
    }

    fn is_uniform(&self) -> bool {
        (**self).is_uniform()
    }
}
