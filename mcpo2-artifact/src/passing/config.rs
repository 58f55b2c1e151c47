use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// How one module is given what references in its arguments name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PassConfig {
    /// Globs of the tools whose arguments are looked at, by the names that the module knows.
    pub tools: Vec<String>,
    /// What stands in place of a reference.
    #[serde(rename = "as", default)]
    pub form: Form,
    /// How much one call may pass, in bytes.
    #[serde(default = "mebibyte")]
    pub max_bytes: u64,
    /// How long a URL is valid: 1 to 86400 seconds, and no longer than its reference holds.
    #[serde(default = "minutes")]
    pub valid_seconds: u64,
}

/// What stands in place of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Form {
    /// The text of a result that is nothing but text, and the JSON of any other.
    #[default]
    Text,
    /// The JSON of the result, as it was kept.
    Json,
    /// The same as a `data:` URI.
    DataUri,
    /// A URL by which the module reads the whole blob from the bucket of the library itself, as does
    /// whoever else has it: what it reads is not verified or recorded, and nothing revokes it.
    Url,
}

impl Form {
    /// Its name in records.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::DataUri => "data_uri",
            Self::Url => "url",
        }
    }
}

fn mebibyte() -> u64 {
    1 << 20
}

fn minutes() -> u64 {
    300
}

/// A configuration whose globs are compiled.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) tools: GlobSet,
    pub(super) form: Form,
    pub(super) max_bytes: u64,
    /// How long a URL is valid.
    pub(super) valid: Duration,
}

impl PassConfig {
    pub(super) fn compile(self) -> Result<Rule, ConfigError> {
        let mut tools = GlobSetBuilder::new();
        for glob in &self.tools {
            tools.add(Glob::new(glob).map_err(|error| refused(glob, error))?);
        }
        if !(1..=86_400).contains(&self.valid_seconds) {
            return Err(ConfigError::Bound {
                field: "valid_seconds",
                value: self.valid_seconds,
                bound: "1 to 86400",
            });
        }
        Ok(Rule {
            tools: tools.build().map_err(|error| refused("", error))?,
            form: self.form,
            max_bytes: self.max_bytes,
            valid: Duration::from_secs(self.valid_seconds),
        })
    }
}

fn refused(glob: &str, error: globset::Error) -> ConfigError {
    let glob = error.glob().unwrap_or(glob).to_owned();
    ConfigError::Glob {
        glob,
        source: error.into(),
    }
}
