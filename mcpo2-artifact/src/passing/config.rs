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
}

impl Form {
    /// Its name in records.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::DataUri => "data_uri",
        }
    }
}

fn mebibyte() -> u64 {
    1 << 20
}

/// A configuration whose globs are compiled.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) tools: GlobSet,
    pub(super) form: Form,
    pub(super) max_bytes: u64,
}

impl PassConfig {
    pub(super) fn compile(self) -> Result<Rule, ConfigError> {
        let mut tools = GlobSetBuilder::new();
        for glob in &self.tools {
            tools.add(Glob::new(glob).map_err(|error| refused(glob, error))?);
        }
        Ok(Rule {
            tools: tools.build().map_err(|error| refused("", error))?,
            form: self.form,
            max_bytes: self.max_bytes,
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
