use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{Finders, finder::BUILT_IN};

/// What finds the texts that rules oblige to blot out.
///
/// Built in are `email`, `secret` (private keys, and tokens that are known by how they begin),
/// `card` (13 to 19 digits with their check digit), `phone` (with `+` and the country) and `ip`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RedactConfig {
    /// Further finders, by their names: regular expressions for what is found anywhere in a text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub finders: BTreeMap<String, String>,
    /// What becomes of a result under such a rule that holds bytes (`blob`, images, audio): nobody
    /// can look for text in them.
    pub blobs: BlobsConfig,
}

/// What becomes of a result that holds bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BlobsConfig {
    /// The caller gets an error in its place.
    #[default]
    Deny,
    /// The bytes pass as they are.
    Allow,
}

impl RedactConfig {
    /// The names of the finders that are always there.
    pub const BUILT_IN: [&'static str; 5] = BUILT_IN;

    /// Builds the finders.
    ///
    /// # Errors
    ///
    /// [`RedactError`] names the finder, and says what is wrong with it.
    pub fn compile(&self) -> Result<Finders, RedactError> {
        Finders::build(self)
    }
}

/// Why a finder cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactError {
    finder: Box<str>,
    problem: Box<str>,
}

impl RedactError {
    pub(super) fn new(finder: &str, problem: impl fmt::Display) -> Self {
        Self {
            finder: finder.chars().take(64).collect(),
            problem: problem.to_string().into(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn finder(&self) -> &str {
        &self.finder
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for RedactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "finder `{}`: {}", self.finder, self.problem)
    }
}

impl std::error::Error for RedactError {}
