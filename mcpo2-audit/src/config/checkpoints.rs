use std::{path::PathBuf, time::Duration};

use mcpo2_verify::key::KeyName;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Options};
use crate::Keeping;

/// What is signed, by whom, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// The name of the ledger, which stands in every checkpoint, once and for all: an address
    /// without a scheme that is the operator's, such as `acme.example/mcpo2/prod-eu`. A random one
    /// where none is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How often a checkpoint is published, in seconds: 1 to 86400. Where nothing happened in
    /// between, a record says that the ledger was alive.
    pub heartbeat_seconds: u32,
    /// After how long another key signs, in hours: 1 to 87600. Who steals a key can rewrite nothing
    /// that was signed with the ones before it.
    pub rotate_hours: u32,
    /// A file with the witnesses that sign checkpoints before they are published, and how many of
    /// them must, in the form of C2SP tlog-policy, with their URLs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<PathBuf>,
    /// Whether each reply says, in its `_meta`, where the record of its call stands.
    pub receipts: Receipts,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            origin: None,
            heartbeat_seconds: 10,
            rotate_hours: 24,
            witnesses: None,
            receipts: Receipts::default(),
        }
    }
}

impl Checkpoints {
    pub(super) fn compile(&self, options: Options) -> Result<Options, ConfigError> {
        if !(1..=86_400).contains(&self.heartbeat_seconds) {
            return Err(ConfigError("`heartbeat_seconds` is not 1 to 86400"));
        }
        if !(1..=87_600).contains(&self.rotate_hours) {
            return Err(ConfigError("`rotate_hours` is not 1 to 87600"));
        }
        let heartbeat = Duration::from_secs(self.heartbeat_seconds.into());
        let rotation = Duration::from_secs(u64::from(self.rotate_hours) * 3600);
        let mut options = options
            .with_heartbeat(Some(heartbeat))
            .with_rotation(Some(rotation));
        if let Some(origin) = &self.origin {
            let name: Result<KeyName, _> = origin.parse();
            let bad = "`origin` is no name: 1 to 255 bytes without spaces or `+`";
            name.map_err(|_| ConfigError(bad))?;
            options = options.with_origin(origin);
        }
        Ok(match self.witnesses {
            Some(_) => options.witnessed(),
            None => options,
        })
    }
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

/// How long records are kept. What is over either limit goes, in whole segments; what proves the
/// rest stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Retain {
    /// So many days, 1 to 36500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// So many bytes of segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Retain {
    pub(super) fn is_forever(&self) -> bool {
        self.days.is_none() && self.bytes.is_none()
    }

    pub(super) fn compile(self) -> Result<Keeping, ConfigError> {
        let mut keeping = Keeping::forever();
        if let Some(days) = self.days {
            if !(1..=36_500).contains(&days) {
                return Err(ConfigError("`retain.days` is not 1 to 36500"));
            }
            keeping = keeping.with_age(Duration::from_secs(u64::from(days) * 86_400));
        }
        Ok(match self.bytes {
            Some(bytes) => keeping.with_bytes(bytes),
            None => keeping,
        })
    }
}
