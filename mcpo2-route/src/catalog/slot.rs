//! What is known of one module, and how it fares.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mcpo2_core::{Item, ItemKind, Module};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{
    changes::Change,
    has::{Has, note_short},
    list::Entry,
};
use crate::bridge::Support;

/// How a module fares, as the gateway last saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Presence {
    /// Nobody has asked it yet, or it was asked just now.
    Unknown,
    /// It answers.
    Present,
    /// It does not answer, or not in time. What it had before is still known.
    Stale,
    /// It does not answer, or not in time, and it never did.
    Missing,
}

impl Presence {
    /// Its name, for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Present => "present",
            Self::Stale => "stale",
            Self::Missing => "missing",
        }
    }

    /// Whether the module does not answer.
    #[must_use]
    pub fn is_missing(self) -> bool {
        matches!(self, Self::Stale | Self::Missing)
    }
}

/// A module that could not be asked is asked again after this long.
const RETRY: Duration = Duration::from_secs(5);

/// Names that only sessions show, at most.
const MAX_SEEN: usize = 4096;

/// One module and what is known of it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) module: Arc<Module>,
    pub(super) state: watch::Sender<State>,
    /// One at a time reads the module.
    pub(super) reading: AsyncMutex<()>,
    /// What the module says of its lists.
    pub(super) watching: Mutex<Option<AbortOnDropHandle<()>>>,
    seen: Mutex<Seen>,
    /// Whether it was missing when the host was last told.
    was_missing: AtomicBool,
    /// When it was last read since it knew of something else.
    again: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// What it has, as far as it was ever read.
    pub(super) has: Option<Arc<Has>>,
    /// When that was read.
    pub(super) read: Option<Instant>,
    /// When it was last tried.
    pub(super) tried: Option<Instant>,
    /// That did not go well.
    pub(super) failed: bool,
    /// Somebody has waited for it long enough, so nobody else does.
    pub(super) late: bool,
    /// Somebody reads it, or is about to.
    pub(super) reading: bool,
}

/// What only sessions of the module have shown.
#[derive(Debug, Default)]
struct Seen {
    items: HashSet<Item>,
    short: HashMap<(ItemKind, Box<str>), Box<str>>,
    support: HashMap<Box<str>, Support>,
}

impl State {
    pub(super) fn presence(&self) -> Presence {
        match (self.failed || self.late, &self.has) {
            (true, Some(_)) => Presence::Stale,
            (true, None) => Presence::Missing,
            (false, Some(_)) => Presence::Present,
            (false, None) => Presence::Unknown,
        }
    }

    /// Whether it is worth waiting for: nothing is known, and nobody has waited in vain.
    pub(super) fn is_awaited(&self) -> bool {
        self.has.is_none() && self.is_first()
    }

    fn is_first(&self) -> bool {
        self.tried.is_none() && !self.late
    }

    fn is_due(&self, keep: Duration) -> bool {
        let keep = match (&self.has, self.failed) {
            (_, true) | (None, false) => RETRY,
            // What the module itself calls old is read again sooner.
            (Some(has), false) => keep.min(has.ttl().max(RETRY)),
        };
        !self.reading && self.tried.is_none_or(|tried| tried.elapsed() >= keep)
    }
}

impl Slot {
    pub(super) fn new(module: &Arc<Module>) -> Self {
        Self {
            module: Arc::clone(module),
            state: watch::Sender::default(),
            reading: AsyncMutex::default(),
            watching: Mutex::default(),
            seen: Mutex::default(),
            was_missing: AtomicBool::new(false),
            again: Mutex::default(),
        }
    }

    /// Whether it may be read now, out of turn. A module that asks for it again and again is not
    /// read as often.
    pub(super) fn may_read_again(&self) -> bool {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        let may = again.is_none_or(|at| at.elapsed() >= RETRY);
        if may {
            *again = Some(Instant::now());
        }
        may
    }

    /// Notes what it has now. Gives what it had before, and whether it was waited for.
    pub(super) fn known(&self, has: &Arc<Has>) -> (Option<Arc<Has>>, bool) {
        let now = Instant::now();
        let mut before = (None, false);
        self.state.send_modify(|state| {
            before = (state.has.replace(Arc::clone(has)), state.is_first());
            (state.read, state.tried) = (Some(now), Some(now));
            (state.failed, state.late) = (false, false);
        });
        before
    }

    /// Notes that it could not be read.
    pub(super) fn failed(&self) {
        self.state.send_modify(|state| {
            state.tried = Some(Instant::now());
            state.failed = true;
        });
    }

    /// How it fares, where the host does not know yet.
    pub(super) fn news(&self) -> Option<Presence> {
        let presence = self.state.borrow().presence();
        let is_missing = presence.is_missing();
        let was_missing = self.was_missing.swap(is_missing, Ordering::Relaxed);
        (was_missing != is_missing).then_some(presence)
    }

    /// Whether it is to be read now; who is told so reads it.
    pub(super) fn is_due(&self, keep: Duration) -> bool {
        if !self.state.borrow().is_due(keep) {
            return false;
        }
        let mut ours = false;
        self.state.send_if_modified(|state| {
            ours = state.is_due(keep);
            state.reading |= ours;
            false
        });
        ours
    }

    /// Waits until something is known, or it is known that nothing will be. Others do not wait
    /// where somebody has waited this long.
    pub(super) async fn settled(&self, deadline: Duration) -> bool {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !state.is_awaited());
        if tokio::time::timeout(deadline, settled).await.is_ok() {
            return true;
        }
        self.state
            .send_modify(|state| state.late = state.is_awaited());
        false
    }

    /// Notes what a session of the module lists.
    pub(super) fn learn(&self, kind: ItemKind, entries: &[Entry]) {
        let known = self.state.borrow().has.clone();
        let is_new = |entry: &&Entry| {
            let item = Item::new(kind, entry.own.clone());
            !known.as_ref().is_some_and(|has| has.lists(&item))
        };
        let mut seen = self.seen();
        for entry in entries.iter().filter(is_new) {
            if seen.items.len() >= MAX_SEEN {
                return;
            }
            seen.items.insert(Item::new(kind, entry.own.clone()));
            note_short(&mut seen.short, kind, &entry.name, &entry.own);
            if entry.support != Support::Never {
                seen.support.insert(entry.name.clone(), entry.support);
            }
        }
    }

    /// Whether it has this item; none where nobody could look.
    pub(super) fn has(&self, item: &Item) -> Option<bool> {
        let has = self.state.borrow().has.clone()?;
        Some(has.lists(item) || has.makes(item) || self.seen().items.contains(item))
    }

    pub(super) fn unshortened(&self, item: &Item) -> Option<Box<str>> {
        let has = self.state.borrow().has.clone();
        let known = has.and_then(|has| has.unshortened(item.kind(), item.name()));
        let key = || (item.kind(), item.name().into());
        known.or_else(|| self.seen().short.get(&key()).cloned())
    }

    /// Whether the tool of this name is called as a task.
    pub(super) fn support(&self, tool: &str) -> Support {
        let has = self.state.borrow().has.clone();
        let known = has.and_then(|has| has.support(tool));
        let known = known.or_else(|| self.seen().support.get(tool).copied());
        known.unwrap_or_default()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lists in which one state of a module differs from another.
pub(super) fn differences(before: Option<&Has>, after: &Has) -> BTreeSet<Change> {
    let differs = |kind: &ItemKind| {
        let of = |has: &Has| has.list(*kind).map(|list| list.digest());
        match before {
            Some(before) => of(before) != of(after),
            None => after
                .list(*kind)
                .is_some_and(|list| !list.entries.is_empty()),
        }
    };
    let kinds = super::has::LISTS.iter().map(|(kind, _)| *kind);
    kinds.filter(differs).filter_map(Change::of_list).collect()
}
