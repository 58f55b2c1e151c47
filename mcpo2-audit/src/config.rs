use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Clock, SystemClock};

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
    /// How soon records are safe from a power failure.
    #[serde(default)]
    pub durability: Durability,
    /// The size, in bytes, at which a segment file is closed and the next begins; 64 KiB or more.
    #[serde(default = "segment_bytes")]
    pub segment_bytes: u64,
    /// How many records may wait for the disk, those of calls under way included, before further
    /// calls are refused as overload; 1 to 1,048,576. Nothing is ever dropped.
    #[serde(default = "queue")]
    pub queue: usize,
}

impl Config {
    /// The defaults, in this directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::default(),
            segment_bytes: segment_bytes(),
            queue: queue(),
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
        Ok(Options::default()
            .with_durability(self.durability)
            .with_segment_bytes(self.segment_bytes)
            .with_queue(self.queue))
    }
}

/// How soon records are safe from a power failure.
///
/// In both, a record is written within milliseconds, and from then on outlives the process; a
/// reply never waits for it. Who has to know that all is on the disk calls
/// [`Ledger::flush`](crate::Ledger::flush).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Durability {
    /// Gathered for two milliseconds and written together, synced about once a second.
    Async,
    /// All that waits is written and synced together, as often as the disk can.
    #[default]
    Group,
}

/// A value in the configuration is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(&'static str);

/// How a ledger is opened.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) durability: Durability,
    pub(crate) segment_bytes: u64,
    pub(crate) queue: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Options {
    /// The same with this durability.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The same with segments that end behind the record which makes them this long.
    #[must_use]
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The same with room for this many records, reserved ones included.
    #[must_use]
    pub fn with_queue(mut self, records: usize) -> Self {
        self.queue = records;
        self
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            segment_bytes: segment_bytes(),
            queue: queue(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

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
