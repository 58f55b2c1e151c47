use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use mcpo2_core::{Digest, Family};

use crate::{ConfigError, Rules};

const BUILTIN: &str = include_str!("builtin.json");

/// A rule pack for free text: which words speak of which family, and how loud.
///
/// The default is an empty pack, which classifies nothing; [`Config::builtin`] knows the families
/// `security`, `design` and `engineering`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The families that text can speak of, and how much evidence each needs.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Thresholds>"))]
    pub families: BTreeMap<Family, Thresholds>,
    /// The rules. Their order does not matter.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// How much is read.
    #[serde(default)]
    pub limits: Limits,
    /// The arguments of a `tools/call` that hold the caller's task in words. No other argument is
    /// read: the content of files and pages never votes.
    #[serde(default = "task_arguments")]
    pub task_arguments: Vec<String>,
}

/// How much evidence a family needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The least sum of weights in one sentence. Below it nothing is said.
    pub min_score: u32,
    /// The least distance to the next family.
    pub min_margin: u32,
}

/// One rule: words, and the family that they speak of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its id, unique in the pack: evidence names it.
    pub id: String,
    /// The family that it speaks for.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub family: Family,
    /// Words or phrases, lower case and without accents, of which one must stand in the text.
    /// A `*` at the end of one lets the word go on: `vulnerab*`.
    #[serde(default)]
    pub any: Vec<String>,
    /// A regular expression over the normalised text, in addition to `any`. Do not anchor it: then
    /// added text could take evidence away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// What it adds to the score of a sentence, 1 to 1000, once however often it matches.
    pub weight: u16,
    /// Where it looks.
    #[serde(default = "all_facets")]
    pub facets: Vec<Facet>,
}

/// A part of a call that can speak of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Facet {
    /// What the caller asks in words.
    Task,
    /// The name of the tool.
    Tool,
}

/// How much of a text is read, and how large a pack may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many bytes of a long text are read from its beginning.
    pub head_bytes: usize,
    /// How many are read from its end.
    pub tail_bytes: usize,
    /// How many rules a pack may have.
    pub max_rules: usize,
    /// How many bytes the compiled rules may take.
    pub compiled_bytes: usize,
}

impl Config {
    /// The rule pack that comes with this crate.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a constant, which a test reads")]
    pub fn builtin() -> Self {
        serde_json::from_str(BUILTIN).expect("the built-in rule pack is valid")
    }

    /// Checks the pack and makes it ready.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the rule and what is wrong with it.
    pub fn compile(self) -> Result<Rules, ConfigError> {
        Rules::compile(self)
    }

    /// The digest of the [`Rules`] that this is compiled to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Strings, numbers and lists: their JSON cannot fail.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            families: BTreeMap::new(),
            rules: Vec::new(),
            limits: Limits::default(),
            task_arguments: task_arguments(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 8 * 1024,
            tail_bytes: 2 * 1024,
            max_rules: 1000,
            compiled_bytes: 16 * 1024 * 1024,
        }
    }
}

fn task_arguments() -> Vec<String> {
    ["task", "query", "prompt", "instruction", "question"]
        .map(str::to_owned)
        .into()
}

fn all_facets() -> Vec<Facet> {
    vec![Facet::Task, Facet::Tool]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_pack_compiles() {
        let config = Config::builtin();
        assert!(config.families.len() == 3 && config.task_arguments.len() == 5);
        config.compile().unwrap();
    }

    #[test]
    fn a_key_that_is_unknown_is_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"rule":[]}"#).is_err());
    }
}
