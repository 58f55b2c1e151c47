use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A revision of the protocol that the gateway speaks.
///
/// ```
/// use mcpo2_core::ProtocolVersion;
/// assert!(ProtocolVersion::V2026_07_28.is_stateless());
/// assert_eq!("2025-11-25".parse(), Ok(ProtocolVersion::V2025_11_25));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// 2024-11-05, the first.
    #[serde(rename = "2024-11-05")]
    V2024_11_05,
    /// 2025-03-26, which brought Streamable HTTP.
    #[serde(rename = "2025-03-26")]
    V2025_03_26,
    /// 2025-06-18.
    #[serde(rename = "2025-06-18")]
    V2025_06_18,
    /// 2025-11-25, the last with `initialize` and sessions.
    #[serde(rename = "2025-11-25")]
    V2025_11_25,
    /// 2026-07-28, stateless.
    #[serde(rename = "2026-07-28")]
    V2026_07_28,
}

/// The text names no revision that the gateway speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unsupported protocol version")]
pub struct UnsupportedVersion;

impl ProtocolVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The newest that begins with `initialize`.
    pub const LATEST_SESSION: Self = Self::V2025_11_25;

    /// The newest of all.
    pub const LATEST: Self = Self::V2026_07_28;

    /// The date that names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether it has no handshake and no sessions, so that each request carries its own version.
    #[must_use]
    pub const fn is_stateless(self) -> bool {
        matches!(self, Self::V2026_07_28)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProtocolVersion {
    type Err = UnsupportedVersion;

    fn from_str(text: &str) -> Result<Self, UnsupportedVersion> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or(UnsupportedVersion)
    }
}
