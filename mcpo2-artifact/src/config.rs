use std::{num::NonZeroU64, path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Artifacts, ConfigError, DirStore, MemoryStore, Store, artifacts::Limits};

/// When a result becomes a reference, and how long and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long the response of a tool may be, in bytes, before its result becomes a reference.
    /// Absent, only an obligation of the policy makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_bytes: Option<NonZeroU64>,
    /// How much of the result stays in the response, in bytes; at most 65536.
    pub preview_bytes: u64,
    /// Where results are kept: `memory`, or `dir` and a directory.
    pub store: StoreConfig,
    /// How long one result may be, in bytes. A longer one fails its call.
    pub max_object_bytes: u64,
    /// How much is kept at once, in bytes; each result counts 512 bytes more than its length. One
    /// that does not fit fails its call.
    pub max_total_bytes: u64,
    /// How much one read gives, in bytes: 1024 to 1048576.
    pub max_read_bytes: u64,
    /// How long a result is kept, in seconds: 1 to 86400.
    pub ttl_seconds: u64,
    /// Directories that calls may name as workspaces, for modules that may have context of them.
    #[cfg(all(feature = "ingest", feature = "select"))]
    pub workspaces: Vec<crate::context::WorkspaceConfig>,
}

/// Where results are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreConfig {
    /// In memory.
    #[default]
    Memory,
    /// In files in `objects` below this directory, which only this user can read. One process at a
    /// time may use it; what an earlier one left is removed.
    Dir(PathBuf),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threshold_bytes: None,
            preview_bytes: 2 << 10,
            store: StoreConfig::Memory,
            max_object_bytes: 16 << 20,
            max_total_bytes: 256 << 20,
            max_read_bytes: 64 << 10,
            ttl_seconds: 3600,
            #[cfg(all(feature = "ingest", feature = "select"))]
            workspaces: Vec::new(),
        }
    }
}

impl Config {
    /// Checks the limits and opens the store.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says which limit is out of bounds, or that the store cannot be opened.
    pub fn compile(self) -> Result<Artifacts, ConfigError> {
        let limits = self.limits()?;
        let store: Arc<dyn Store> = match self.store {
            StoreConfig::Memory => Arc::new(MemoryStore::new(self.max_total_bytes)),
            StoreConfig::Dir(dir) => Arc::new(DirStore::open(dir)?),
        };
        Ok(Artifacts::new(limits, store))
    }

    /// Checks the limits, and keeps results in this store in place of the configured one.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says which limit is out of bounds.
    pub fn compile_with(self, store: Arc<dyn Store>) -> Result<Artifacts, ConfigError> {
        Ok(Artifacts::new(self.limits()?, store))
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        let object = self.max_object_bytes;
        for (field, value, holds, bound) in [
            (
                "preview_bytes",
                self.preview_bytes,
                self.preview_bytes <= 64 << 10,
                "at most 65536",
            ),
            (
                "max_read_bytes",
                self.max_read_bytes,
                (1 << 10..=1 << 20).contains(&self.max_read_bytes),
                "1024 to 1048576",
            ),
            (
                "ttl_seconds",
                self.ttl_seconds,
                (1..=86_400).contains(&self.ttl_seconds),
                "1 to 86400",
            ),
            (
                "max_object_bytes",
                object,
                (1..=self.max_total_bytes).contains(&object),
                "1 to `max_total_bytes`",
            ),
        ] {
            if !holds {
                return Err(ConfigError::Bound {
                    field,
                    value,
                    bound,
                });
            }
        }
        Ok(Limits {
            threshold: self.threshold_bytes,
            preview: self.preview_bytes,
            object,
            total: self.max_total_bytes,
            read: self.max_read_bytes,
            ttl: Duration::from_secs(self.ttl_seconds),
        })
    }
}
