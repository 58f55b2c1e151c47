use std::{collections::BTreeMap, time::Duration};

use mcpo2_core::TenantId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unit::{duration, size};

/// How much the gateway takes on at once, and from whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Admission {
    /// Calls at once, over all modules. Tenants share them, and an eighth is kept for who comes
    /// anew.
    pub calls: usize,
    /// Calls that may wait for a place; one more is refused at once.
    pub waiting: usize,
    /// How long a call may wait for its place.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub wait: Duration,
    /// Subscriptions and streams of sessions at once, of one caller.
    pub streams_per_principal: usize,
    /// How much memory the process may take: from four fifths of it on no sessions and streams
    /// begin, and from nine tenths on calls are refused. Without it, what the control group allows.
    #[serde(with = "size::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::schema::Size>")]
    pub memory: Option<usize>,
    /// How much a tenant counts where tenants share places, here and at each module; 1 if it is
    /// not named.
    #[schemars(with = "BTreeMap<String, u32>")]
    pub weights: BTreeMap<TenantId, u32>,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            calls: 4096,
            waiting: 256,
            wait: Duration::from_millis(100),
            streams_per_principal: 1024,
            memory: None,
            weights: BTreeMap::new(),
        }
    }
}
