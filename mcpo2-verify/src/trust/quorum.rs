//! Which witnesses must have signed.

use crate::key::VerifierKey;

/// A rule over witnesses: none, one of them, or so many of a group, whose members may be groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// INVARIANT: a group has only groups before itself as members.
    groups: Vec<Group>,
    rule: Option<Member>,
}

/// So many members must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) threshold: usize,
    pub(super) members: Vec<Member>,
}

/// What can be in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    Witness(Box<VerifierKey>),
    /// The number of a group.
    Group(usize),
}

impl Quorum {
    /// No witness has to sign.
    #[must_use]
    pub fn none() -> Self {
        Self {
            groups: Vec::new(),
            rule: None,
        }
    }

    pub(super) fn new(groups: Vec<Group>, rule: Option<Member>) -> Self {
        Self { groups, rule }
    }

    /// Whether enough witnesses have signed, if `signed` says which of them have.
    #[must_use]
    pub fn satisfied(&self, signed: impl Fn(&VerifierKey) -> bool) -> bool {
        let mut past: Vec<bool> = Vec::new();
        let holds = |member: &Member, past: &[bool]| match member {
            Member::Witness(key) => signed(key),
            Member::Group(group) => past.get(*group).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let members = group.members.iter();
            let count = members.filter(|member| holds(member, &past)).count();
            past.push(count >= group.threshold);
        }
        self.rule.as_ref().is_none_or(|rule| holds(rule, &past))
    }

    /// Whether no witness has to sign.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.rule.is_none()
    }
}
