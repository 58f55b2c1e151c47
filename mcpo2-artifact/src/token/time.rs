use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest time that a reference can hold.
pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Whole seconds since 1970; a time before that is its beginning.
pub(super) fn seconds(time: SystemTime) -> u64 {
    since_1970(time).as_secs()
}

/// Microseconds since 1970.
pub(super) fn micros(time: SystemTime) -> u64 {
    since_1970(time).as_micros().try_into().unwrap_or(u64::MAX)
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// This many seconds since 1970; none where the system knows no such time.
pub(super) fn time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
