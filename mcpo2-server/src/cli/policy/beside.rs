//! What the engines beside the rules say of a request.

use std::fmt::Write as _;

use mcpo2_core::{Effect, RuleId};
use mcpo2_policy::Query;
use serde::Serialize;

use super::explain::word;
use crate::engines::Engines;

/// What each engine in this process says.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Beside(Vec<Said>);

#[derive(Debug, Serialize)]
struct Said {
    engine: &'static str,
    effect: Effect,
    rules: Vec<RuleId>,
    reason: String,
}

impl Beside {
    pub(super) fn of(engines: &Engines, query: &Query<'_>) -> Self {
        let each = engines.local().iter().map(|local| {
            let verdict = local.engine.decide(query);
            let decided = verdict.decided();
            Said {
                engine: local.name,
                effect: decided.effect,
                rules: decided.rules.clone(),
                reason: decided.reason.to_string(),
            }
        });
        Self(each.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The strictest effect of theirs.
    pub(super) fn strictest(&self) -> Effect {
        let each = self.0.iter().map(|said| said.effect);
        each.max().unwrap_or(Effect::Allow)
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.is_empty() {
            text.push_str("\nthe engines beside these rules:\n");
        }
        for Said {
            engine,
            effect,
            rules,
            reason,
        } in &self.0
        {
            let rules: Vec<&str> = rules.iter().map(AsRef::as_ref).collect();
            let by = match rules.is_empty() {
                true => String::new(),
                false => format!(" by `{}`", rules.join("`, `")),
            };
            let _ = writeln!(text, "  {engine:6} {}{by}: {reason}", word(*effect));
        }
        text
    }
}
