use std::{path::PathBuf, sync::Arc, time::Duration};

use mcpo2_core::Durability;
use mcpo2_verify::key::KeyName;
use serde::{Deserialize, Serialize};

use crate::{Clock, Keeping, Signer, SystemClock};

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
    /// The same for calls that by the protocol only read: resources, prompts, completions. As
    /// `durability` says, where nothing is said here.
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
    /// The name of the ledger, which stands in every checkpoint, once and for all: an address
    /// without a scheme that is the operator's, such as `acme.example/mcpo2/prod-eu`. A random one
    /// where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How often a checkpoint is published, in seconds: 1 to 86400. Where nothing happened in
    /// between, a record says that the ledger was alive.
    #[serde(default = "heartbeat_seconds")]
    pub heartbeat_seconds: u32,
    /// After how long another key signs, in hours: 1 to 87600. Who steals a key can rewrite nothing
    /// that was signed with the ones before it.
    #[serde(default = "rotate_hours")]
    pub rotate_hours: u32,
    /// How many days records are kept, 1 to 36500; for ever where neither this nor `retain_bytes`
    /// is said. What goes, goes in whole segments; what proves the rest stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_days: Option<u32>,
    /// How many bytes of segments are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_bytes: Option<u64>,
    /// Whether the arguments of calls are kept, encrypted under the caller's key, so that other
    /// policies can be tried on them.
    #[serde(default)]
    pub arguments: Arguments,
    /// Whether each reply says, in its `_meta`, where the record of its call stands.
    #[serde(default)]
    pub receipts: Receipts,
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
            origin: None,
            heartbeat_seconds: heartbeat_seconds(),
            rotate_hours: rotate_hours(),
            retain_days: None,
            retain_bytes: None,
            arguments: Arguments::default(),
            receipts: Receipts::default(),
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
        if !(1..=86_400).contains(&self.heartbeat_seconds) {
            return Err(ConfigError("`heartbeat_seconds` is not 1 to 86400"));
        }
        if !(1..=87_600).contains(&self.rotate_hours) {
            return Err(ConfigError("`rotate_hours` is not 1 to 87600"));
        }
        let mut options = Options::default()
            .with_segment_bytes(self.segment_bytes)
            .with_queue(self.queue)
            .with_heartbeat(Some(Duration::from_secs(self.heartbeat_seconds.into())))
            .with_rotation(Some(Duration::from_secs(
                u64::from(self.rotate_hours) * 3600,
            )));
        if let Some(origin) = &self.origin {
            let name: Result<KeyName, _> = origin.parse();
            name.map_err(|_| {
                ConfigError("`origin` is no name: 1 to 255 bytes without spaces or `+`")
            })?;
            options = options.with_origin(origin);
        }
        if self
            .retain_days
            .is_some_and(|days| !(1..=36_500).contains(&days))
        {
            return Err(ConfigError("`retain_days` is not 1 to 36500"));
        }
        let options = options.with_retention(self.keeping());
        match self.arguments {
            Arguments::Keep => Ok(options.keeping_arguments()),
            Arguments::Omit => Ok(options),
        }
    }
}

impl Config {
    fn keeping(&self) -> Keeping {
        let mut keeping = Keeping::forever();
        if let Some(days) = self.retain_days {
            keeping = keeping.with_age(Duration::from_secs(u64::from(days) * 86_400));
        }
        match self.retain_bytes {
            Some(bytes) => keeping.with_bytes(bytes),
            None => keeping,
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

/// Whether replies say where the record of their call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Receipts {
    /// They do not.
    #[default]
    Omit,
    /// Under `dev.mcpo2/receipt`, where the intent of the call was waited for.
    Give,
}

/// A value in the configuration is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(&'static str);

/// How a ledger is opened.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) origin: Option<String>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) rotate_after: Option<Duration>,
    pub(crate) retention: Keeping,
    pub(crate) keeps_arguments: bool,
    pub(crate) segment_bytes: u64,
    pub(crate) queue: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Options {
    /// The same with this name, for a ledger that is new.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// The same with a signer of the host's own, whose key does not change.
    #[must_use]
    pub fn with_signer(mut self, signer: impl Signer) -> Self {
        self.signer = Some(Arc::new(signer));
        self.rotate_after = None;
        self
    }

    /// The same with a checkpoint published this often; with none, only when it is asked for and
    /// at the end.
    #[must_use]
    pub fn with_heartbeat(mut self, every: Option<Duration>) -> Self {
        self.heartbeat = every;
        self
    }

    /// The same with keys that are changed after this time; with none, only when it is asked for.
    #[must_use]
    pub fn with_rotation(mut self, after: Option<Duration>) -> Self {
        self.rotate_after = after;
        self
    }

    /// The same with records that are kept for so long.
    #[must_use]
    pub fn with_retention(mut self, keeping: Keeping) -> Self {
        self.retention = keeping;
        self
    }

    /// The same, and keeps the arguments of calls, encrypted.
    #[must_use]
    pub fn keeping_arguments(mut self) -> Self {
        self.keeps_arguments = true;
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
            origin: None,
            signer: None,
            heartbeat: None,
            rotate_after: None,
            retention: Keeping::forever(),
            keeps_arguments: false,
            segment_bytes: segment_bytes(),
            queue: queue(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

fn segment_bytes() -> u64 {
    64 * 1024 * 1024
}

fn heartbeat_seconds() -> u32 {
    10
}

fn rotate_hours() -> u32 {
    24
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
