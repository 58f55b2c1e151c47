use std::time::SystemTime;

use mcpo2_core::Obligations;

use super::{
    grant::Grant,
    reading::Reading,
    refused::{Reason, Refused},
    time::seconds,
    verb::Verb,
};
use crate::range::Ranges;

/// A [`Grant`] on which the policy has decided, and what the platform owes for it. What reads
/// objects takes this, so that no read can go without the policy.
///
/// It belongs to the request for which it was made: verify again for the next one.
#[derive(Debug)]
pub struct Access {
    grant: Grant,
    obligations: Obligations,
}

impl Access {
    pub(super) fn new(grant: Grant, obligations: Obligations) -> Self {
        Self { grant, obligations }
    }

    /// What the reference grants.
    #[must_use = "it only tells"]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// What the policy wants of whoever reads.
    #[must_use]
    pub fn obligations(&self) -> &Obligations {
        &self.obligations
    }

    /// Takes a use, and these bytes of those that are left. Cut what is asked for to the size of
    /// the object before, and to [`Grant::ranges`]; [`Ranges::NONE`] takes a use only.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the bytes are not all granted or not left, there is no use left, or it has
    /// expired meanwhile. Who may only [stat](Verb::Stat) gets no byte.
    pub fn open(&self, wanted: &Ranges, now: SystemTime) -> Result<Reading, Refused> {
        let grant = &self.grant;
        if seconds(now) >= grant.expires {
            return Err(Refused::new(Reason::Expired));
        }
        if !wanted.is_empty() && grant.verb == Verb::Stat {
            return Err(Refused::new(Reason::Verb));
        }
        if !grant.ranges.covers(wanted) {
            return Err(Refused::new(Reason::Range));
        }
        let reserved = grant.uses.reserve(&grant.claims, wanted.bytes(), now);
        let reservation = reserved.map_err(Refused::new)?;
        Ok(Reading::new(*wanted, reservation))
    }
}
