use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_core::Call;

/// The moment and the place of a request, as far as the platform knows them. What it does not know
/// makes conditions on it unknown.
///
/// ```
/// use std::time::SystemTime;
/// use mcpo2_policy::Situation;
///
/// let situation = Situation::default().at(SystemTime::now()).in_environment("prod");
/// assert_eq!(situation.environment(), Some("prod"));
/// assert_eq!(situation.source(), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    time: Option<SystemTime>,
    environment: Option<Arc<str>>,
    source: Option<IpAddr>,
    session_age: Option<Duration>,
    request_bytes: Option<u64>,
}

impl Situation {
    /// One of which the platform knows nothing.
    pub(crate) const UNKNOWN: &'static Self = &Self {
        time: None,
        environment: None,
        source: None,
        session_age: None,
        request_bytes: None,
    };

    /// The same, at this moment.
    #[must_use]
    pub fn at(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// The same, in a gateway that serves this environment.
    #[must_use]
    pub fn in_environment(mut self, environment: impl Into<Arc<str>>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// The same, from this address. One of IPv4 that is written as IPv6 is one of IPv4.
    #[must_use]
    pub fn from_source(mut self, source: IpAddr) -> Self {
        self.source = Some(source.to_canonical());
        self
    }

    /// The same, in a session that began so long ago.
    #[must_use]
    pub fn in_session_of(mut self, age: Duration) -> Self {
        self.session_age = Some(age);
        self
    }

    /// The same, of a request with so many bytes.
    #[must_use]
    pub fn with_request_bytes(mut self, bytes: u64) -> Self {
        self.request_bytes = Some(bytes);
        self
    }

    /// The moment.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        self.time
    }

    /// The environment that the gateway serves.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// The address from which the request comes.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// How long ago the caller's session began.
    #[must_use]
    pub fn session_age(&self) -> Option<Duration> {
        self.session_age
    }

    /// How many bytes the request has.
    #[must_use]
    pub fn request_bytes(&self) -> Option<u64> {
        self.request_bytes
    }
}

/// Knows the situation of a call. Deciding is pure: this is where the clock is read.
pub trait Surroundings: Send + Sync + 'static {
    /// The situation of this call.
    fn of(&self, call: &Call) -> Situation;
}

/// Knows the moment, by the clock of the system, and the length of the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Surroundings for SystemClock {
    fn of(&self, call: &Call) -> Situation {
        let bytes = u64::try_from(call.request().bytes().len()).unwrap_or(u64::MAX);
        Situation::default()
            .at(SystemTime::now())
            .with_request_bytes(bytes)
    }
}
