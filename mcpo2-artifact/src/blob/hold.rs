//! What is given back when it is dropped.

use std::sync::Arc;

use super::{Kind, Usage, ledger::Place, space::SpaceState};
use crate::Key;

/// Room that is taken until it is dropped or an object takes it.
#[derive(Debug)]
pub(crate) struct Reservation {
    space: Arc<SpaceState>,
    amount: Usage,
}

impl Reservation {
    /// Room for what is there already, whatever the limits.
    pub(crate) fn forced(space: &Arc<SpaceState>, amount: Usage) -> Self {
        space.ledger().force(amount);
        Self::taken(space, amount)
    }

    /// Room that the ledger has reserved.
    pub(crate) fn taken(space: &Arc<SpaceState>, amount: Usage) -> Self {
        Self {
            space: Arc::clone(space),
            amount,
        }
    }

    /// This room and that.
    pub(crate) fn join(&mut self, other: Self) {
        self.amount = self.amount.plus(other.take());
    }

    /// All of it, as another; nothing stays.
    pub(crate) fn split(&mut self) -> Self {
        Self {
            space: Arc::clone(&self.space),
            amount: std::mem::take(&mut self.amount),
        }
    }

    /// This much of it, as another; the rest stays.
    pub(crate) fn part(&mut self, amount: Usage) -> Self {
        let rest = self.amount.minus(amount);
        let amount = self.amount.minus(rest);
        self.amount = rest;
        Self {
            space: Arc::clone(&self.space),
            amount,
        }
    }

    pub(crate) fn amount(&self) -> Usage {
        self.amount
    }

    /// The room, for the ledger to keep.
    pub(crate) fn take(mut self) -> Usage {
        std::mem::take(&mut self.amount)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.amount != Usage::default() {
            self.space.ledger().release(self.amount);
        }
    }
}

/// Keeps an object from being swept, as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    space: Arc<SpaceState>,
    place: Place,
}

impl Hold {
    pub(crate) fn new(space: &Arc<SpaceState>, place: Place) -> Self {
        space.ledger().hold(place);
        Self {
            space: Arc::clone(space),
            place,
        }
    }

    /// None where a sweep is about to take this root away.
    pub(crate) fn of_living_root(space: &Arc<SpaceState>, root: Key) -> Option<Self> {
        let place = (Kind::Root, root);
        let mut ledger = space.ledger();
        if ledger.is_dying(&root) {
            return None;
        }
        ledger.hold(place);
        drop(ledger);
        Some(Self {
            space: Arc::clone(space),
            place,
        })
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.space.ledger().let_go(&self.place);
    }
}
