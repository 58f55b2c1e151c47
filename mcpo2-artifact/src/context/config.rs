use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, select::Format};

/// Which context the calls of one module may be given, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ContextConfig {
    /// Globs of the workspaces that its calls may name.
    pub workspaces: Vec<String>,
    /// The most tokens of one pack: 256 to 1000000. A call may ask for less.
    #[serde(default = "usual")]
    pub max_tokens: u64,
    /// Where the pack goes: `meta`, or `argument` and a name.
    #[serde(default)]
    pub into: Place,
    /// How the text of the pack is written.
    #[serde(default)]
    pub format: Format,
}

/// Where the pack goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// All of it into `_meta`, under `dev.mcpo2/context`.
    #[default]
    Meta,
    /// Its text into this argument of the module's tools and prompts. No caller may set it.
    Argument(Box<str>),
}

impl Place {
    /// Its name in records.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Argument(_) => "arguments",
        }
    }
}

fn usual() -> u64 {
    8000
}

/// A configuration that is checked.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) workspaces: GlobSet,
    pub(super) max_tokens: u64,
    pub(super) into: Place,
    pub(super) format: Format,
}

impl ContextConfig {
    pub(super) fn compile(self) -> Result<Rule, ConfigError> {
        let mut workspaces = GlobSetBuilder::new();
        for glob in &self.workspaces {
            workspaces.add(Glob::new(glob).map_err(|error| refused(glob, error))?);
        }
        if !(256..=1_000_000).contains(&self.max_tokens) {
            return Err(ConfigError::Bound {
                field: "max_tokens",
                value: self.max_tokens,
                bound: "256 to 1000000",
            });
        }
        if matches!(&self.into, Place::Argument(name) if name.is_empty()) {
            return Err(ConfigError::Argument);
        }
        Ok(Rule {
            workspaces: workspaces.build().map_err(|error| refused("", error))?,
            max_tokens: self.max_tokens,
            into: self.into,
            format: self.format,
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
