use std::time::Duration;

use mcpo2_core::ModuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unit::{duration, size};

/// What modules have, and how their lists become one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Lists {
    /// A module is asked again what it has after this long, or sooner where it says that it
    /// changed.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub refresh: Duration,
    /// A module that has not answered for this long is left out, or is there with what it had
    /// before.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub deadline: Duration,
    /// A module that says that it changed is read, and a client is told of changes to one kind of
    /// list, at most once in this time.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub changes: Duration,
    /// The id of the one module whose tools and prompts keep their own names, so that others can
    /// join one that clients know already. Names with `__` in them, or that model APIs would not
    /// take, have its id before them all the same.
    #[schemars(with = "Option<String>")]
    pub unprefixed: Option<ModuleId>,
    /// Entries of one page.
    pub page_entries: usize,
    /// Bytes of the entries of one page. One entry always fits.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub page_bytes: usize,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(60),
            deadline: Duration::from_secs(2),
            changes: Duration::from_secs(1),
            unprefixed: None,
            page_entries: 500,
            page_bytes: 256 << 10,
        }
    }
}
