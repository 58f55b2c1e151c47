use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use crate::{
    config::ArgumentConfig,
    error::Fault,
    native::{argument::ArgumentCondition, expression::Expressions},
};

/// The conditions on arguments that were compiled so far: those that are written alike are one, and
/// are asked once of a call.
#[derive(Default)]
pub(super) struct Arguments(RefCell<HashMap<String, Arc<ArgumentCondition>>>);

impl Arguments {
    pub(super) fn compile(
        &self,
        config: &ArgumentConfig,
        expressions: &Expressions,
    ) -> Result<Arc<ArgumentCondition>, Fault> {
        let compile = || ArgumentCondition::compile(config, expressions).map(Arc::new);
        // Strings, numbers and lists: their JSON cannot fail.
        let Ok(written) = serde_json::to_string(config) else {
            return compile();
        };
        Ok(match self.0.borrow_mut().entry(written) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => Arc::clone(new.insert(compile()?)),
        })
    }
}
