use serde::{Deserialize, Serialize};

/// The conditions on the moment and the place of a request. Where the gateway does not know them,
/// whether they hold is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SituationConfig {
    /// The environments, one of which the gateway must serve (`dev`, `staging`, `prod`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// The networks, from one of which the request must come (`10.0.0.0/8`, `fd00::/8`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    /// The times of the week, in one of which it must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Vec<TimeConfig>>,
    /// The calendars, in one of whose spans it must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendars: Option<Vec<String>>,
    /// How many seconds ago the caller's session may have begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_session_seconds: Option<u64>,
    /// How many bytes the request may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_bytes: Option<u64>,
}

/// A time of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimeConfig {
    /// The time zone, by its IANA name: `Europe/Berlin`, `UTC`.
    pub zone: String,
    /// The days; every day if nothing is said. A time over midnight belongs to the day on which it
    /// begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<DayConfig>>,
    /// When it begins: `08:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// When it is over: `18:00`. Where that is not later than the beginning, on the next day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the days of the week")]
pub enum DayConfig {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A calendar: spans of time that rules name, such as a freeze before a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CalendarConfig {
    /// The time zone, by its IANA name.
    pub zone: String,
    /// The spans.
    pub spans: Vec<SpanConfig>,
}

/// A span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SpanConfig {
    /// Its first moment: `2026-12-20`, or `2026-12-20T18:00`.
    pub from: String,
    /// The first moment that is no longer in it, likewise.
    pub until: String,
}
