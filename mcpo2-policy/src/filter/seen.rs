//! What callers were shown of pages before, so that a page is decided about once for each, and
//! written once for all who see the same of it.

use std::{
    collections::{HashMap, VecDeque},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use mcpo2_core::{Digest, Principal, message::PageEntries};

/// How many callers one generation holds, each with one page.
const CALLERS: usize = 2048;
/// How many bytes of lists are kept, of all callers together.
const BYTES: usize = 4 << 20;

/// What is visible of the pages that were shown last.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Remembered>);

/// When the young generation of callers is full it becomes the old one, and what was old is
/// forgotten; what is used in between comes back. So the bound costs no search.
#[derive(Debug, Default)]
struct Remembered {
    young: HashMap<Shown, Weak<View>>,
    old: HashMap<Shown, Weak<View>>,
    /// The views themselves, the newest last.
    views: VecDeque<Arc<View>>,
    bytes: usize,
}

/// All that the decision about a page depends on: the page by its own self, and who sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shown {
    page: Page,
    viewer: Viewer,
}

/// Who sees a page: the caller by all that is known of it, roles and scopes included, the rules,
/// and what the rules find of the situation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Viewer {
    pub(super) principal: Arc<Principal>,
    pub(super) rules: Digest,
    pub(super) situation: Box<[u8]>,
}

/// A page by where it is: as long as this is there, no other page can be there.
#[derive(Debug, Clone)]
struct Page(Weak<PageEntries>);

/// What is visible of a page.
#[derive(Debug)]
pub(crate) struct View {
    page: Page,
    visible: Vec<bool>,
    text: Bytes,
    shown: usize,
}

impl Seen {
    /// What this viewer sees of the page: as before, or as `decide` says now.
    pub(super) fn view(
        &self,
        page: &Arc<PageEntries>,
        viewer: Viewer,
        decide: impl FnOnce() -> Vec<bool>,
    ) -> Arc<View> {
        let key = Shown {
            page: Page(Arc::downgrade(page)),
            viewer,
        };
        if let Some(view) = self.lock().find(&key) {
            return view;
        }
        let visible = decide();
        // A page that nobody keeps was made for this caller, and does not come again.
        if Arc::strong_count(page) == 1 {
            return Arc::new(View::new(page, visible));
        }
        self.lock().remember(key, page, visible)
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    pub(super) fn new(page: &Arc<PageEntries>, visible: Vec<bool>) -> Self {
        Self {
            text: page.only(|at| visible.get(at) == Some(&true)),
            shown: visible.iter().filter(|visible| **visible).count(),
            page: Page(Arc::downgrade(page)),
            visible,
        }
    }

    /// The texts of the entries that are shown.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// How many entries are shown, and how many are not.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.shown, self.visible.len() - self.shown)
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.visible.len()
    }
}

impl Remembered {
    fn find(&mut self, key: &Shown) -> Option<Arc<View>> {
        if let Some(view) = self.young.get(key) {
            return view.upgrade();
        }
        let (key, view) = self.old.remove_entry(key)?;
        let found = view.upgrade()?;
        self.insert(key, view);
        Some(found)
    }

    fn remember(&mut self, key: Shown, page: &Arc<PageEntries>, visible: Vec<bool>) -> Arc<View> {
        self.forget_gone();
        let same = |view: &&Arc<View>| view.page == key.page && view.visible == visible;
        let view = match self.views.iter().find(same) {
            Some(known) => Arc::clone(known),
            None => self.keep(View::new(page, visible)),
        };
        self.insert(key, Arc::downgrade(&view));
        view
    }

    /// Keeps a view, and as many of those before it as there is room for.
    fn keep(&mut self, view: View) -> Arc<View> {
        let view = Arc::new(view);
        self.bytes += view.bytes();
        self.views.push_back(Arc::clone(&view));
        while self.bytes > BYTES
            && let Some(first) = self.views.pop_front()
        {
            self.bytes -= first.bytes();
        }
        view
    }

    /// A page that is not there any more is of the past, and nothing of it is kept.
    fn forget_gone(&mut self) {
        self.views.retain(|view| {
            let stays = view.page.is_there();
            self.bytes -= if stays { 0 } else { view.bytes() };
            stays
        });
    }

    fn insert(&mut self, key: Shown, view: Weak<View>) {
        if self.young.len() >= CALLERS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, view);
    }
}

impl Page {
    fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Eq for Page {}

impl Hash for Page {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ptr().addr().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_core::{AuthMethod, Item, ItemKind};

    use super::*;

    fn page(bytes: usize) -> Arc<PageEntries> {
        let entry = |name: &str| (Item::new(ItemKind::Tool, name), "x".repeat(bytes / 2));
        Arc::new(PageEntries::new(ItemKind::Tool, [entry("a"), entry("b")]))
    }

    fn caller(number: usize) -> Arc<Principal> {
        let id = format!("p{number}").parse().unwrap();
        Arc::new(Principal::new("t".parse().unwrap(), id, AuthMethod::Host))
    }

    fn viewer(caller: Arc<Principal>) -> Viewer {
        Viewer {
            principal: caller,
            rules: Digest::of(b"rules"),
            situation: Box::default(),
        }
    }

    fn all(seen: &Seen, page: &Arc<PageEntries>, caller: &Arc<Principal>) -> Arc<View> {
        seen.view(page, viewer(Arc::clone(caller)), || vec![true, false])
    }

    #[test]
    fn callers_who_see_the_same_share_it_and_are_bounded() {
        let (seen, page) = (Seen::default(), page(100));
        let _kept = Arc::clone(&page);
        let first = all(&seen, &page, &caller(0));
        for number in 0..3 * CALLERS {
            assert!(Arc::ptr_eq(&first, &all(&seen, &page, &caller(number))));
            all(&seen, &page, &caller(0));
        }
        let remembered = seen.lock();
        assert_eq!(remembered.views.len(), 1);
        assert!(remembered.young.len() <= CALLERS && remembered.old.len() <= CALLERS);
        let one = Shown {
            page: Page(Arc::downgrade(&page)),
            viewer: viewer(caller(0)),
        };
        let stays = remembered.young.contains_key(&one) || remembered.old.contains_key(&one);
        assert!(stays, "the one in use stays");
    }

    #[test]
    fn what_is_kept_is_bounded_and_of_pages_that_are_there() {
        let seen = Seen::default();
        let mut pages = Vec::new();
        for _ in 0..20 {
            pages.push(page(BYTES / 4));
            let last = Arc::clone(&pages[pages.len() - 1]);
            all(&seen, &last, &caller(1));
            let kept = seen.lock();
            let bytes: usize = kept.views.iter().map(|view| view.bytes()).sum();
            assert!(bytes == kept.bytes && bytes <= BYTES);
        }
        assert!(seen.lock().views.len() > 3);
        pages.clear();
        let (last, once) = (page(10), page(10));
        let _kept = Arc::clone(&last);
        all(&seen, &last, &caller(1));
        assert_eq!(seen.lock().views.len(), 1);
        all(&seen, &once, &caller(1));
        assert_eq!(seen.lock().views.len(), 1, "nobody else has this page");
    }

    #[test]
    fn a_view_that_is_too_long_to_keep_is_shown_all_the_same() {
        let (seen, page) = (Seen::default(), page(4 * BYTES));
        let _kept = Arc::clone(&page);
        for _ in 0..2 {
            assert_eq!(all(&seen, &page, &caller(1)).count(), (1, 1));
            assert_eq!(seen.lock().bytes, 0);
        }
    }
}
