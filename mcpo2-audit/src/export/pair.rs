use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use mcpo2_core::BoxError;
use serde_json::Value;

use super::{Exported, Feed};

/// How many intents are remembered.
const MOST: usize = 10_000;

/// A feed that gives each outcome its intent, so that an outcome says who did what.
///
/// It remembers the last 10,000 intents that it has seen: an outcome whose intent came before
/// those, or before the process started, stays alone.
#[derive(Debug)]
pub struct Paired<F> {
    feed: F,
    intents: HashMap<Box<str>, Arc<Value>>,
    order: VecDeque<Box<str>>,
}

impl<F> Paired<F> {
    /// The records of this feed.
    pub fn new(feed: F) -> Self {
        Self {
            feed,
            intents: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn remember(&mut self, id: &str, intent: &Value) {
        if self.intents.contains_key(id) {
            return;
        }
        self.intents.insert(id.into(), Arc::new(intent.clone()));
        self.order.push_back(id.into());
        if self.order.len() > MOST {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.intents.remove(&oldest));
        }
    }
}

impl<F: Feed> Feed for Paired<F> {
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Exported>, BoxError> {
        let mut records = self.feed.next_after(seq, max)?;
        for record in &mut records {
            let Some(id) = record.call_id() else { continue };
            match record.kind() {
                "intent" => self.remember(id, &record.record),
                // It is not forgotten: what could not be sent is read again.
                _ => record.intent = self.intents.get(id).cloned(),
            }
        }
        Ok(records)
    }
}
