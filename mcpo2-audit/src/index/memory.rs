use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Error, Found, Index, Order, Page, Query, Row};
use crate::RecordId;

/// An index in memory: what the others are compared with, and enough for a small ledger.
///
/// Clones share what they hold. A query looks at every row.
#[derive(Debug, Clone, Default)]
pub struct MemoryIndex(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<u64, Row>,
    last: Option<u64>,
}

impl MemoryIndex {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index for MemoryIndex {
    fn last_indexed(&self) -> Result<Option<u64>, Error> {
        Ok(self.lock().last)
    }

    fn apply(&mut self, rows: &[Row]) -> Result<(), Error> {
        rows.iter().try_for_each(|row| row.cells().map(drop))?;
        let mut held = self.lock();
        for row in rows {
            held.rows.insert(row.seq, row.clone());
            held.last = held.last.max(Some(row.seq));
        }
        held.erase();
        Ok(())
    }

    fn query(&self, query: &Query) -> Result<Page, Error> {
        let held = self.lock();
        let closing = held.closing();
        let rows = held.rows.values();
        let rows: Box<dyn Iterator<Item = &Row>> = match query.order {
            Order::Newest => Box::new(rows.rev()),
            Order::Oldest => Box::new(rows),
        };
        let found = rows
            .filter(|row| query.reaches(row.seq))
            .filter_map(|row| held.found(row, &closing))
            .filter(|found| query.finds(found))
            .take(query.limit.saturating_add(1));
        Ok(query.page(found.collect()))
    }

    fn rows(&self, after: Option<u64>, max: usize) -> Result<Vec<Row>, Error> {
        let held = self.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = held.rows.range((from, Bound::Unbounded)).take(max);
        Ok(rows.map(|(_, row)| row.clone()).collect())
    }

    fn clear(&mut self) -> Result<(), Error> {
        *self.lock() = Rows::default();
        Ok(())
    }
}

/// Intents, and the first outcome of each where there is one.
type Closing = HashMap<RecordId, Option<u64>>;

impl Rows {
    fn closing(&self) -> Closing {
        let intents = self.rows.values().filter(|row| row.is_intent());
        let mut closing: Closing = intents.map(|row| (row.id, None)).collect();
        for row in self.rows.values() {
            if let Some(first) = row.closes().and_then(|intent| closing.get_mut(&intent)) {
                first.get_or_insert(row.seq);
            }
        }
        closing
    }

    /// The row with its outcome; none for an outcome that is part of another row.
    fn found(&self, row: &Row, closing: &Closing) -> Option<Found> {
        if &*row.kind == "outcome" && row.closes().is_some_and(|it| closing.contains_key(&it)) {
            return None;
        }
        let outcome = closing.get(&row.id).filter(|_| row.is_intent());
        let outcome = outcome.copied().flatten();
        let outcome = outcome.and_then(|seq| self.rows.get(&seq)).cloned();
        Some(Found::new(row.clone(), outcome))
    }

    /// Whatever was erased stays so, though it be put in again.
    fn erase(&mut self) {
        let mut erased: HashMap<Box<str>, u64> = HashMap::new();
        for row in self.rows.values() {
            if let Some(subject) = row.erases() {
                erased.insert(subject.into(), row.seq);
            }
        }
        for row in self.rows.values_mut() {
            let subject = row.who.pseudonym.as_deref();
            let until = subject.and_then(|subject| erased.get(subject));
            if until.is_some_and(|until| row.seq < *until) {
                row.erase();
            }
        }
    }
}
