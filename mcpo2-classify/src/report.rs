use mcpo2_core::Family;

use crate::Facet;

/// What a text speaks of, and why. It holds none of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What it comes to.
    pub outcome: Outcome,
    /// The rules that matched, in the order of the pack, at most [`Report::MAX_EVIDENCE`].
    pub evidence: Vec<Evidence>,
    /// The score of each family that has one, that of its best sentence, highest first.
    pub scores: Vec<(Family, u32)>,
    /// Whether the text was longer than what is read. Then nothing is decided.
    pub truncated: bool,
}

/// What a text comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It speaks of this family, and of no other with any force.
    Decided {
        /// The family.
        family: Family,
        /// The score of its best sentence.
        score: u32,
        /// The distance to the next family.
        margin: u32,
    },
    /// It speaks of more than one, or not all of it was read.
    Ambiguous,
    /// It speaks of none.
    Unclassified,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// The id of the rule.
    pub rule: Box<str>,
    /// The family that it speaks for.
    pub family: Family,
    /// Where it matched first.
    pub facet: Facet,
}

impl Report {
    /// How much evidence a report names.
    pub const MAX_EVIDENCE: usize = 64;

    /// The family, where it is decided.
    #[must_use]
    pub fn family(&self) -> Option<&Family> {
        match &self.outcome {
            Outcome::Decided { family, .. } => Some(family),
            Outcome::Ambiguous | Outcome::Unclassified => None,
        }
    }
}
