use mcpo2_core::Effect;

use super::{Matched, Rule, jurisdiction::Levels, outcome::reserved_allowance};
use crate::{Query, Visibility, config::LevelConfig};

/// What rules say of an item in a list: of each level, how far something denies it, and how far
/// something lets it pass. Neither the order of the rules nor how often one is heard counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said([(Matched, Matched); 3]);

impl Said {
    pub(crate) const NOTHING: Self = Self([(Matched::No, Matched::No); 3]);

    /// Adds a rule, given how far it matches.
    pub(crate) fn hear(&mut self, rule: &Rule, matched: Matched) {
        if let Some((denied, passes)) = self.0.get_mut(rule.origin.level as usize) {
            let side = match rule.effect {
                Effect::Deny => denied,
                Effect::Allow | Effect::RequireApproval => passes,
            };
            *side = (*side).max(matched);
        }
    }

    /// Adds what others say.
    pub(crate) fn join(&mut self, other: &Self) {
        for ((denied, passes), (denied_too, passes_too)) in self.0.iter_mut().zip(&other.0) {
            *denied = (*denied).max(*denied_too);
            *passes = (*passes).max(*passes_too);
        }
    }

    /// Whether the item is shown: the least that a level which has a say shows of it.
    pub(crate) fn shows(mut self, levels: Levels, query: &Query<'_>) -> Visibility {
        if reserved_allowance(query).is_some() {
            self.0
                .iter_mut()
                .for_each(|(_, passes)| *passes = Matched::Yes);
        }
        let of_level = |level: LevelConfig| match self.0.get(level as usize) {
            Some((Matched::Yes, _) | (_, Matched::No)) | None => Visibility::Denied,
            Some((Matched::No, Matched::Yes)) => Visibility::Allowed,
            Some(_) => Visibility::DependsOnArguments,
        };
        let shown = levels.iter().map(of_level).min();
        shown.unwrap_or(Visibility::Denied)
    }
}

/// The same of rules that many items share, some of which have to be asked about each.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) said: Said,
    /// The places of those.
    pub(crate) each: Vec<u32>,
}

impl Shared {
    pub(crate) fn join(&mut self, other: &Self) {
        self.said.join(&other.said);
        self.each.extend_from_slice(&other.each);
    }
}
