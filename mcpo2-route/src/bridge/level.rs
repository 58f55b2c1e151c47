use std::str::FromStr;

use serde::Deserialize;

/// How much a log message matters (RFC 5424).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

/// The text names no level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoLevel;

const NAMES: [(Level, &str); 8] = [
    (Level::Debug, "debug"),
    (Level::Info, "info"),
    (Level::Notice, "notice"),
    (Level::Warning, "warning"),
    (Level::Error, "error"),
    (Level::Critical, "critical"),
    (Level::Alert, "alert"),
    (Level::Emergency, "emergency"),
];

impl Level {
    pub(crate) fn as_str(self) -> &'static str {
        let named = NAMES.into_iter().find(|(level, _)| *level == self);
        named.map_or("debug", |(_, name)| name)
    }

    /// The level that an object (JSON text) names in its member `level`.
    pub(crate) fn of(object: Option<&[u8]>) -> Result<Self, NoLevel> {
        #[derive(Deserialize)]
        struct Params {
            level: String,
        }
        let params: Params = serde_json::from_slice(object.ok_or(NoLevel)?).map_err(|_| NoLevel)?;
        params.level.parse()
    }
}

impl FromStr for Level {
    type Err = NoLevel;

    fn from_str(name: &str) -> Result<Self, NoLevel> {
        let named = NAMES.into_iter().find(|(_, known)| *known == name);
        named.map(|(level, _)| level).ok_or(NoLevel)
    }
}
