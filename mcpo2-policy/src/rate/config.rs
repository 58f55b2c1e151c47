use std::{collections::BTreeMap, fmt, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Rates, buckets::Rate};

/// The classes that rules may oblige calls to keep to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RatesConfig {
    /// The classes, by their names. Each caller has a rate of its own in each class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, RateClassConfig>,
}

/// How much a caller may do in a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RateClassConfig {
    /// How many calls a minute, in the long run.
    pub per_minute: NonZeroU32,
    /// How many calls at once, after a time without any; one if nothing is said.
    #[serde(default = "RateClassConfig::default_burst")]
    pub burst: NonZeroU32,
}

impl RateClassConfig {
    fn default_burst() -> NonZeroU32 {
        NonZeroU32::MIN
    }
}

impl RatesConfig {
    /// Checks the names.
    ///
    /// # Errors
    ///
    /// [`RateError`] names the class whose name is none, or says that there are too many.
    pub fn compile(&self) -> Result<Rates, RateError> {
        const MOST: usize = 256;
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_name = |name: &str| (1..=64).contains(&name.len()) && name.bytes().all(fits);
        let mut classes = self.classes.keys().enumerate();
        if let Some((_, class)) = classes.find(|(at, name)| *at >= MOST || !is_name(name)) {
            let class = class.chars().take(64).collect();
            return Err(RateError { class });
        }
        let rate = |(name, class): (&String, &RateClassConfig)| {
            let every = Duration::from_secs(60) / class.per_minute.get();
            let ahead = every.saturating_mul(class.burst.get() - 1);
            (name.as_str().into(), Rate { every, ahead })
        };
        Ok(Rates::new(self.classes.iter().map(rate).collect()))
    }
}

/// Why classes are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateError {
    class: Box<str>,
}

impl RateError {
    /// The name of the class.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.class
    }
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = "there are at most 256, and a name has 1 to 64 of a-z, A-Z, 0-9, ., _ and -";
        write!(f, "rate class `{}`: {rule}", self.class)
    }
}

impl std::error::Error for RateError {}
