use std::{fmt, time::Duration};

/// For how long records are kept. What is over either limit goes, whole segments at a time, and
/// what proves the rest stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keeping {
    age: Option<Duration>,
    bytes: Option<u64>,
}

impl Keeping {
    /// For ever.
    #[must_use]
    pub fn forever() -> Self {
        Self::default()
    }

    /// The same, but what is older than this may go.
    #[must_use]
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// The same, but what is beyond so many bytes may go.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    pub(crate) fn is_forever(&self) -> bool {
        self.age.is_none() && self.bytes.is_none()
    }

    /// Whether something goes that is followed by so many bytes, the oldest of this age in
    /// nanoseconds.
    pub(crate) fn is_over(&self, bytes: u64, age: i128) -> bool {
        let limit = self
            .age
            .map(|limit| i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX));
        let is_old = limit.is_some_and(|limit| age >= limit);
        let is_much = self.bytes.is_some_and(|limit| bytes >= limit);
        is_old || is_much
    }
}

impl fmt::Display for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.age, self.bytes) {
            (None, None) => f.write_str("for ever"),
            (Some(age), None) => write!(f, "{} seconds", age.as_secs()),
            (None, Some(bytes)) => write!(f, "{bytes} bytes"),
            (Some(age), Some(bytes)) => write!(f, "{} seconds or {bytes} bytes", age.as_secs()),
        }
    }
}
