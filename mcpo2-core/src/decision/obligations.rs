use std::{collections::BTreeSet, fmt, num::NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::Region;

/// What the platform owes when a call is allowed: the layers below discharge it.
///
/// ```
/// use std::num::NonZeroU64;
/// use mcpo2_core::{Duty, Obligations};
///
/// let mut one = Obligations::default();
/// one.max_result_bytes = NonZeroU64::new(4096);
/// let mut two = Obligations::default();
/// two.max_result_bytes = NonZeroU64::new(1024);
/// two.redact.insert("email".into());
/// let both = one.join(two).unwrap();
/// assert_eq!(both.max_result_bytes, NonZeroU64::new(1024));
/// assert!(both.duties().eq([Duty::MaxResultBytes, Duty::Redact]));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Obligations {
    /// The preamble profile that must apply, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preamble: Option<Box<str>>,
    /// The result may be at most this long, in bytes, before it becomes a reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<NonZeroU64>,
    /// What must not stand in the result, by the names of what finds it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub redact: BTreeSet<Box<str>>,
    /// The classes whose rates the call must keep to, each of them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub rate_classes: BTreeSet<Box<str>>,
    /// How loudly the decision is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<Loudness>,
    /// The regions, in one of which the module must run; any where none is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<BTreeSet<Region>>,
    /// What of the evidence must be safe before the call, or its reply, goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
}

/// What waits until the record of a call is safe from a power failure, least first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Nothing: records are safe within about 50 milliseconds.
    Async,
    /// A module hears of a call when the record of the intent is safe, and a denial goes out when
    /// its record is. What waits at once is made safe at once.
    #[default]
    Group,
    /// A reply goes out when the record of the outcome is safe as well.
    Sync,
}

/// How loudly a decision is logged, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loudness {
    /// For who looks closely.
    Debug,
    /// For who looks.
    Info,
    /// For who is to look.
    Warn,
}

/// One kind of obligation. What stands below a policy says which of them it discharges; a call
/// that would owe another is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Duty {
    /// [`Obligations::preamble`].
    Preamble,
    /// [`Obligations::max_result_bytes`].
    MaxResultBytes,
    /// [`Obligations::redact`].
    Redact,
    /// [`Obligations::rate_classes`].
    RateClass,
    /// [`Obligations::log_level`].
    LogLevel,
    /// [`Obligations::regions`].
    Regions,
    /// [`Obligations::durability`].
    Durability,
}

impl Obligations {
    /// Both together, the stricter of each; none where their preambles differ.
    #[must_use]
    pub fn join(mut self, other: Self) -> Option<Self> {
        self.add(&other).then_some(self)
    }

    /// Adds what the other owes, the stricter of each. False where their preambles differ, and then
    /// nothing is to be made of it.
    #[must_use]
    pub fn add(&mut self, other: &Self) -> bool {
        match (&self.preamble, &other.preamble) {
            (Some(one), Some(two)) if one != two => return false,
            (None, Some(two)) => self.preamble = Some(two.clone()),
            _ => {}
        }
        self.max_result_bytes = match (self.max_result_bytes, other.max_result_bytes) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.redact.extend(other.redact.iter().cloned());
        self.rate_classes.extend(other.rate_classes.iter().cloned());
        self.log_level = self.log_level.max(other.log_level);
        self.durability = self.durability.max(other.durability);
        match (&mut self.regions, &other.regions) {
            (Some(one), Some(two)) => one.retain(|region| two.contains(region)),
            (one @ None, two) => one.clone_from(two),
            (Some(_), None) => {}
        }
        true
    }

    /// The kinds that there are of it.
    pub fn duties(&self) -> impl Iterator<Item = Duty> + use<> {
        let there = [
            (self.preamble.is_some(), Duty::Preamble),
            (self.max_result_bytes.is_some(), Duty::MaxResultBytes),
            (!self.redact.is_empty(), Duty::Redact),
            (!self.rate_classes.is_empty(), Duty::RateClass),
            (self.log_level.is_some(), Duty::LogLevel),
            (self.regions.is_some(), Duty::Regions),
            (self.durability.is_some(), Duty::Durability),
        ];
        let there = there.into_iter();
        there.filter_map(|(is_there, duty)| is_there.then_some(duty))
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preamble => "preamble",
            Self::MaxResultBytes => "max_result_bytes",
            Self::Redact => "redact",
            Self::RateClass => "rate_class",
            Self::LogLevel => "log_level",
            Self::Regions => "regions",
            Self::Durability => "durability",
        })
    }
}
