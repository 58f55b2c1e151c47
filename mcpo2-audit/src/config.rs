mod checkpoints;
mod index;
mod options;

pub use checkpoints::{Checkpoints, Receipts, Retain};
pub use index::{ConnectionString, IndexConfig, PostgresConfig};
pub use options::Options;

use std::path::PathBuf;

use mcpo2_core::Durability;
use serde::{Deserialize, Serialize};

const MIN_SEGMENT_BYTES: u64 = 64 * 1024;
const MAX_QUEUE: usize = 1 << 20;

/// Where the ledger is kept, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The directory of the ledger. It is made, readable by its owner only, if it is not there.
    /// Only one process at a time can write to it.
    pub dir: PathBuf,
    /// What waits for the disk, for calls of which no rule says otherwise.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "DurabilitySchema"))]
    pub durability: Durability,
    /// The same for intents and outcomes of calls that by the protocol only read: resources,
    /// prompts, completions. As `durability` says, where nothing is said here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<DurabilitySchema>"))]
    pub reads: Option<Durability>,
    /// The size, in bytes, at which a segment file is closed and the next begins; 64 KiB or more.
    #[serde(default = "segment_bytes")]
    pub segment_bytes: u64,
    /// How many records may wait for the disk, those of calls under way included, before further
    /// calls are refused as overload; 1 to 1,048,576. Nothing is ever dropped.
    #[serde(default = "queue")]
    pub queue: usize,
    /// What is signed, by whom, and how often.
    #[serde(default)]
    pub checkpoints: Checkpoints,
    /// How long records are kept: for ever, where nothing is said.
    #[serde(default, skip_serializing_if = "Retain::is_forever")]
    pub retain: Retain,
    /// Whether the arguments of calls are kept, encrypted under the caller's key, so that other
    /// policies can be tried on them.
    #[serde(default)]
    pub arguments: Arguments,
    /// Where the ledger is searched.
    #[serde(default, skip_serializing_if = "IndexConfig::is_default")]
    pub index: IndexConfig,
}

impl Config {
    /// The defaults, in this directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::default(),
            reads: None,
            segment_bytes: segment_bytes(),
            queue: queue(),
            checkpoints: Checkpoints::default(),
            retain: Retain::default(),
            arguments: Arguments::default(),
            index: IndexConfig::default(),
        }
    }

    /// The options that it stands for, to open [`dir`](Self::dir) with.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where a number is out of its range.
    pub fn compile(&self) -> Result<Options, ConfigError> {
        if self.dir.as_os_str().is_empty() {
            return Err(ConfigError("`dir` is empty"));
        }
        if self.segment_bytes < MIN_SEGMENT_BYTES {
            return Err(ConfigError("`segment_bytes` is less than 65536"));
        }
        if !(1..=MAX_QUEUE).contains(&self.queue) {
            return Err(ConfigError("`queue` is not 1 to 1048576"));
        }
        let options = Options::default()
            .with_segment_bytes(self.segment_bytes)
            .with_queue(self.queue)
            .with_retention(self.retain.compile()?);
        let options = self.checkpoints.compile(options)?;
        match self.arguments {
            Arguments::Keep => Ok(options.keeping_arguments()),
            Arguments::Omit => Ok(options),
        }
    }
}

/// What waits until the record of a call is safe from a power failure.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "Durability", rename_all = "snake_case")]
#[expect(dead_code, reason = "the schema of a type that knows none")]
enum DurabilitySchema {
    /// Nothing: records are safe within about 50 milliseconds.
    Async,
    /// A module hears of a call when the record of the intent is safe, and a denial goes out when
    /// its record is.
    Group,
    /// A reply goes out when the record of the outcome is safe as well.
    Sync,
}

/// Whether the arguments of calls are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Arguments {
    /// Records hold their digest and length only.
    #[default]
    Omit,
    /// They are kept as personal values, up to 32 KiB a call.
    Keep,
}

/// A value in the configuration is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(&'static str);

fn segment_bytes() -> u64 {
    64 * 1024 * 1024
}

fn queue() -> usize {
    65_536
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_bad_ranges_are_refused() {
        let minimal: Config = serde_json::from_str(r#"{"dir":"audit"}"#).unwrap();
        assert_eq!(minimal, Config::new("audit"));
        minimal.compile().unwrap();
        serde_json::from_str::<Config>(r#"{"dir":"audit","sync":true}"#).unwrap_err();
        for bad in [
            Config {
                queue: 0,
                ..minimal.clone()
            },
            Config {
                segment_bytes: 1,
                ..minimal.clone()
            },
            Config::new(""),
        ] {
            bad.compile().unwrap_err();
        }
    }
}
