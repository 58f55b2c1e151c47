use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use mcpo2_audit::witness::{Cosigned, Standing, SubmissionError, Witnessing};
use mcpo2_verify::key::VerifierKey;

/// What witnesses signed, for whoever wants to know; a clone shows the same.
#[derive(Debug, Clone)]
pub struct WitnessStatus(Arc<Mutex<Witnessing>>);

impl WitnessStatus {
    pub(super) fn new(witnessing: Witnessing) -> Self {
        Self(Arc::new(Mutex::new(witnessing)))
    }

    /// Whether enough witnesses signed anything in this time before now.
    #[must_use]
    pub fn within(&self, time: Duration) -> bool {
        self.lock().within(time.as_secs(), now())
    }

    /// The keys of the witnesses, and what is known of each.
    #[must_use]
    pub fn standings(&self) -> Vec<(VerifierKey, Standing)> {
        let known = self.lock();
        let standings = known.standings();
        standings
            .map(|(witness, standing)| (witness.key().clone(), standing.clone()))
            .collect()
    }

    /// Whether a witness says that the ledger was set back, or that it saw another history.
    #[must_use]
    pub fn is_alarmed(&self) -> bool {
        let known = self.lock();
        let mut standings = known.standings();
        standings.any(|(_, known)| known.error().is_some_and(SubmissionError::is_alarm))
    }

    pub(super) fn ended(&self, key: &VerifierKey, ended: &Result<Cosigned, SubmissionError>) {
        let witness = key.name();
        match ended {
            Err(error) if error.is_alarm() => {
                tracing::error!(%witness, %error, "the ledger is not what a witness knows of it");
            }
            Err(error) => tracing::warn!(%witness, %error, "a witness did not sign"),
            Ok(cosigned) => {
                if let Some(size) = cosigned.forgot() {
                    tracing::warn!(%witness, size, "a witness forgot what it had signed");
                }
            }
        }
        self.lock().ended(key, ended);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Witnessing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970; 0 before that, when no witness signs.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
