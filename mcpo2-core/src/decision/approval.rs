use std::{collections::BTreeSet, num::NonZeroU8, time::Duration};

use crate::RuleId;

/// Whose approval a call waits for.
///
/// Where several rules ask, all of them have to be content: somebody of each group, the largest
/// quorum, and the shortest time.
///
/// ```
/// use mcpo2_core::Approval;
/// let sre = Approval::new(vec!["delete".parse()?], "sre");
/// let security = Approval::new(vec!["prod".parse()?], "security").with_quorum(2.try_into()?);
/// let both = sre.join(security);
/// assert_eq!(both.groups().collect::<Vec<_>>(), ["security", "sre"]);
/// assert_eq!(both.quorum().get(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    rules: Vec<RuleId>,
    groups: BTreeSet<Box<str>>,
    quorum: NonZeroU8,
    ttl: Option<Duration>,
    not_requester: bool,
}

impl Approval {
    /// An approval by somebody of this group, asked for by these rules.
    #[must_use]
    pub fn new(rules: Vec<RuleId>, group: impl Into<Box<str>>) -> Self {
        Self {
            rules,
            groups: BTreeSet::from([group.into()]),
            quorum: NonZeroU8::MIN,
            ttl: None,
            not_requester: false,
        }
    }

    /// The same, for which so many of each group must approve.
    #[must_use]
    pub fn with_quorum(mut self, quorum: NonZeroU8) -> Self {
        self.quorum = quorum;
        self
    }

    /// The same, which is void after this time.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The same, which who asks cannot give.
    #[must_use]
    pub fn by_another(mut self) -> Self {
        self.not_requester = true;
        self
    }

    /// The same, asked for by these rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<RuleId>) -> Self {
        self.rules = rules;
        self
    }

    /// What contents both: all groups, the larger quorum, the shorter time.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self.rules.sort();
        self.rules.dedup();
        self.groups.extend(other.groups);
        self.quorum = self.quorum.max(other.quorum);
        self.ttl = match (self.ttl, other.ttl) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.not_requester |= other.not_requester;
        self
    }

    /// The rules that ask.
    #[must_use]
    pub fn rules(&self) -> &[RuleId] {
        &self.rules
    }

    /// The groups, of each of which somebody must approve.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(AsRef::as_ref)
    }

    /// How many of each group must approve.
    #[must_use]
    pub fn quorum(&self) -> NonZeroU8 {
        self.quorum
    }

    /// How long it holds; as long as the platform says where no rule says.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Whether who asks may approve too.
    #[must_use]
    pub fn excludes_requester(&self) -> bool {
        self.not_requester
    }
}
