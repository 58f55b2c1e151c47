use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Secret, unit::duration};

/// The sessions of clients of revisions that have them.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sessions {
    /// What clients carry for the gateway, ids of sessions above all, is sealed with the first of
    /// these keys, and opened with any of them. Each is 32 random bytes in base64, as
    /// `openssl rand -base64 32` makes it. Replicas share them. Without any, the gateway keeps a
    /// key of its own beside the ledger.
    #[serde(skip_serializing)]
    #[schemars(with = "Vec<String>")]
    pub keys: Vec<Secret>,
    /// One that nobody has used for this long lets go of its modules. Its client can still come
    /// back to it.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub idle: Duration,
    /// Until it ends, used or not.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub lifetime: Duration,
    /// At once, of one caller.
    pub per_principal: usize,
    /// At once, of all callers.
    pub max: usize,
    /// Serves the transport of 2024-11-05 as well, HTTP and SSE, at `/sse` and `/messages`. It is
    /// deprecated since 2025-03-26, and a session of it ends with its stream.
    pub sse_2024_11_05: bool,
}

impl Sessions {
    /// The shorter of its times.
    pub(crate) fn shortest(&self) -> Duration {
        self.idle.min(self.lifetime)
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            idle: Duration::from_secs(30 * 60),
            lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            per_principal: 256,
            max: 10_000,
            sse_2024_11_05: false,
        }
    }
}
