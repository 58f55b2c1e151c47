use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When this file is read again. SIGHUP and `POST /admin/reload` always do it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Reload {
    /// Also when it changes, or a file that it names: of keys, certificates, bundles or engines.
    /// They are looked at each second.
    pub watch: bool,
}
