use std::collections::{HashMap, HashSet};

use super::{BlobError, BlobErrorKind, Kind, Limits, Usage};
use crate::Key;

/// Which object of a space.
pub(crate) type Place = (Kind, Key);

/// What a space has, what it is about to have, and what must not be taken from it.
///
/// INVARIANT: `used` is what the store has, and for objects in doubt what they were charged with.
#[derive(Debug)]
pub(crate) struct Ledger {
    used: Usage,
    reserved: Usage,
    limits: Limits,
    holds: HashMap<Place, u64>,
    /// What is being put or deleted, or was when something failed.
    doubts: HashMap<Place, Usage>,
    sweep: Option<Sweeping>,
}

/// What a sweep that goes on must know of what others do.
#[derive(Debug, Default)]
struct Sweeping {
    /// All that was held at some time since it began.
    kept: HashSet<Place>,
    /// The roots that nothing keeps: nobody may keep them any more.
    dying: HashSet<Key>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            used: Usage::default(),
            reserved: Usage::default(),
            limits: Limits::NONE,
            holds: HashMap::new(),
            doubts: HashMap::new(),
            sweep: None,
        }
    }

    pub(crate) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Begins with what was counted.
    pub(crate) fn count(&mut self, used: Usage) {
        self.used = self.used.plus(used);
    }

    pub(crate) fn usage(&self) -> Usage {
        self.used.plus(self.reserved)
    }

    pub(crate) fn reserve(&mut self, amount: Usage) -> Result<(), BlobError> {
        match self.limits.exceeded(self.usage(), amount) {
            Some(resource) => Err(BlobErrorKind::Quota(resource).into()),
            None => {
                self.force(amount);
                Ok(())
            }
        }
    }

    /// Reserves what is taken already, whatever the limits.
    pub(crate) fn force(&mut self, amount: Usage) {
        self.reserved = self.reserved.plus(amount);
    }

    pub(crate) fn release(&mut self, amount: Usage) {
        self.reserved = self.reserved.minus(amount);
    }

    /// Charges an object that is about to be put with what was reserved for it.
    pub(crate) fn begin_put(&mut self, place: Place, reserved: Usage) {
        self.release(reserved);
        self.used = self.used.plus(reserved);
        self.doubts.insert(place, reserved);
    }

    /// Says what an object has been charged with that is about to be deleted.
    pub(crate) fn begin_delete(&mut self, place: Place, charged: Usage) {
        self.doubts.insert(place, charged);
    }

    /// Ends a doubt: an object of this many bytes is there, or none is.
    pub(crate) fn resolve(&mut self, place: &Place, there: Option<u64>) {
        let Some(charged) = self.doubts.remove(place) else {
            return;
        };
        self.used = self.used.minus(charged);
        if let Some(stored_bytes) = there {
            self.used = self.used.plus(Usage {
                stored_bytes,
                ..charged
            });
        }
    }

    pub(crate) fn doubts(&self) -> Vec<Place> {
        self.doubts.keys().copied().collect()
    }

    pub(crate) fn is_doubtful(&self, place: &Place) -> bool {
        self.doubts.contains_key(place)
    }

    pub(crate) fn hold(&mut self, place: Place) {
        let holds = self.holds.entry(place).or_default();
        *holds = holds.saturating_add(1);
        if let Some(sweep) = &mut self.sweep {
            sweep.kept.insert(place);
        }
    }

    pub(crate) fn let_go(&mut self, place: &Place) {
        if let Some(holds) = self.holds.get_mut(place) {
            *holds = holds.saturating_sub(1);
            if *holds == 0 {
                self.holds.remove(place);
            }
        }
    }

    pub(crate) fn is_held(&self, place: &Place) -> bool {
        self.holds.contains_key(place)
    }

    /// Whether no sweep may take this away.
    pub(crate) fn is_protected(&self, place: &Place) -> bool {
        let kept = |sweep: &Sweeping| sweep.kept.contains(place);
        self.is_held(place) || self.sweep.as_ref().is_some_and(kept)
    }

    pub(crate) fn is_dying(&self, root: &Key) -> bool {
        let dying = |sweep: &Sweeping| sweep.dying.contains(root);
        self.sweep.as_ref().is_some_and(dying)
    }

    /// False where another sweep goes on.
    #[must_use]
    pub(crate) fn begin_sweep(&mut self) -> bool {
        if self.sweep.is_some() {
            return false;
        }
        self.sweep = Some(Sweeping {
            kept: self.holds.keys().copied().collect(),
            dying: HashSet::new(),
        });
        true
    }

    /// Of these roots that nothing seems to keep, those that nothing keeps. From now on, nobody may.
    pub(crate) fn condemn(&mut self, roots: Vec<Key>) -> Vec<Key> {
        let mut roots = roots;
        roots.retain(|root| !self.is_protected(&(Kind::Root, *root)));
        if let Some(sweep) = &mut self.sweep {
            sweep.dying.extend(&roots);
        }
        roots
    }

    pub(crate) fn end_sweep(&mut self) {
        self.sweep = None;
    }
}
