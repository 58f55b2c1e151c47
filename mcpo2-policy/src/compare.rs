//! What two policies show to whom.

use std::{collections::HashMap, sync::Arc};

use mcpo2_core::{Facts, Item, Principal};
use serde::Serialize;

use crate::{Engine, Query, Situation, Visibility};

/// An item, and what the platform knows of the module that owns it.
pub type Owned = (Item, Option<Arc<Facts>>);

/// Of whom and of what policies are asked, and in which situation.
///
/// The answers are those that lists are made by, without any arguments.
#[derive(Debug, Clone, Copy)]
pub struct Survey<'s> {
    subjects: &'s [Principal],
    items: &'s [Owned],
    situation: &'s Situation,
}

/// What one policy shows otherwise than another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// What is shown that was not, or with any arguments where it was with some.
    pub allowed: Vec<Changed>,
    /// What is no longer shown, or only with some arguments.
    pub denied: Vec<Changed>,
}

/// An item that a caller sees otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Changed {
    /// The position of the caller.
    pub subject: usize,
    /// The position of the item.
    pub item: usize,
    /// As the old policy shows it.
    pub before: Visibility,
    /// As the new policy does.
    pub after: Visibility,
}

impl<'s> Survey<'s> {
    /// Of these callers and items, in this situation.
    #[must_use]
    pub fn new(subjects: &'s [Principal], items: &'s [Owned], situation: &'s Situation) -> Self {
        Self {
            subjects,
            items,
            situation,
        }
    }

    /// What the new policy shows otherwise than the old one, by caller and item.
    ///
    /// ```
    /// use mcpo2_core::{AuthMethod, Item, ItemKind, Principal};
    /// use mcpo2_policy::{Config, Situation, Survey, Visibility};
    ///
    /// let config: Config = serde_json::from_str(
    ///     r#"{"rules": [{"id": "all", "effect": "allow", "tools": ["git__*"]}]}"#,
    /// )?;
    /// let (old, new) = (Config::default().compile()?, config.compile()?);
    /// let ada = [Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host)];
    /// let tools = [(Item::new(ItemKind::Tool, "git__log"), None)];
    /// let situation = Situation::default();
    /// let found = Survey::new(&ada, &tools, &situation).difference(&old, &new);
    /// assert_eq!(found.allowed[0].after, Visibility::Allowed);
    /// assert!(found.denied.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn difference(&self, old: &dyn Engine, new: &dyn Engine) -> Difference {
        let mut found = Difference::default();
        for (subject, principal) in self.subjects.iter().enumerate() {
            let shown = self.shown(old, principal).into_iter();
            let both = shown.zip(self.shown(new, principal)).enumerate();
            for (item, (before, after)) in both.filter(|(_, (before, after))| before != after) {
                let changed = Changed {
                    subject,
                    item,
                    before,
                    after,
                };
                match after > before {
                    true => found.allowed.push(changed),
                    false => found.denied.push(changed),
                }
            }
        }
        found
    }

    /// How a policy shows each item to each caller: a row for each caller.
    #[must_use]
    pub fn who_can(&self, engine: &dyn Engine) -> Vec<Vec<Visibility>> {
        let rows = self.subjects.iter();
        rows.map(|principal| self.shown(engine, principal))
            .collect()
    }

    fn shown(&self, engine: &dyn Engine, principal: &Principal) -> Vec<Visibility> {
        let facts = self.items.iter().map(|(item, facts)| (item, facts));
        let facts: HashMap<&Item, &Option<Arc<Facts>>> = facts.collect();
        let query = |item| {
            let facts = facts.get(item).copied().cloned().flatten();
            Query::listed(item, principal)
                .with_facts(facts)
                .with_situation(self.situation)
        };
        engine.visible_of(&mut self.items.iter().map(|(item, _)| item), &query)
    }
}
