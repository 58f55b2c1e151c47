//! What callers were shown of pages before, so that a page is decided about once for each.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo2_core::{Principal, message::PageEntries};

/// What is visible of the pages that were shown last.
///
/// A page is known by its own self and a caller by all that is known of it, roles and scopes
/// included: what one may see is never taken for what another may.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<VecDeque<Shown>>);

#[derive(Debug, Clone)]
struct Shown {
    page: Arc<PageEntries>,
    principal: Arc<Principal>,
    visible: Arc<[bool]>,
}

/// Pages that are remembered, of all callers together.
const MAX_SEEN: usize = 128;

impl Seen {
    /// Which entries of the page this principal sees: as before, or as `decide` says now.
    pub(crate) fn visible(
        &self,
        page: &Arc<PageEntries>,
        principal: &Arc<Principal>,
        decide: impl FnOnce() -> Arc<[bool]>,
    ) -> Arc<[bool]> {
        let is_it = |shown: &&Shown| {
            Arc::ptr_eq(&shown.page, page)
                && (Arc::ptr_eq(&shown.principal, principal) || shown.principal == *principal)
        };
        if let Some(shown) = self.lock().iter().find(is_it) {
            return Arc::clone(&shown.visible);
        }
        let visible = decide();
        let mut seen = self.lock();
        // A page that is not remembered elsewhere is of the past, and is not kept for its sake.
        seen.retain(|shown| Arc::strong_count(&shown.page) > 1);
        seen.truncate(MAX_SEEN - 1);
        seen.push_front(Shown {
            page: Arc::clone(page),
            principal: Arc::clone(principal),
            visible: Arc::clone(&visible),
        });
        visible
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
