use std::{sync::Arc, time::SystemTime};

use super::{
    audience::Presenter,
    caveat::Caveat,
    grant::Grant,
    keys::{Checked, Keys},
    name::Authority,
    parts::{MAX_TEXT, Parts, Room, decode},
    refused::{Reason, Refused},
    revoke::Revocations,
    time::seconds,
    uses::Uses,
    verb::Verb,
};
use crate::range::Ranges;

/// Verifies the references of one gateway.
#[derive(Debug, Clone)]
pub struct Verifier {
    authority: Authority,
    keys: Arc<Keys>,
    revocations: Arc<Revocations>,
    uses: Arc<Uses>,
}

impl Verifier {
    /// Takes what this gateway signed with a key of the ring, as far as it is not revoked or used
    /// up.
    #[must_use]
    pub fn new(
        authority: Authority,
        keys: Arc<Keys>,
        revocations: Arc<Revocations>,
        uses: Arc<Uses>,
    ) -> Self {
        Self {
            authority,
            keys,
            revocations,
            uses,
        }
    }

    /// What this token grants to who presents it, for this verb, now. Nothing is spent.
    ///
    /// The presenter is the authenticated principal of the request that reads, never anything that
    /// stands in the request or the token.
    ///
    /// # Errors
    ///
    /// [`Refused`], the same for all reasons. What has the form of a token costs as much to refuse
    /// for one reason as for another, except that a signature of Ed25519 is only checked where its
    /// key is known.
    pub fn verify<'p>(
        &self,
        token: &str,
        presenter: impl Into<Presenter<'p>>,
        verb: &Verb,
        now: SystemTime,
    ) -> Result<Grant, Refused> {
        let malformed = |_| Refused::new(Reason::Malformed);
        let mut room: Room = [0; MAX_TEXT / 4 * 3];
        let bytes = decode(token, &mut room).map_err(malformed)?;
        let parts = Parts::parse(bytes).map_err(malformed)?;
        let scope = Scope::of(&parts, &presenter.into(), verb);
        if let Some(reason) = self.problem(&parts, &scope, seconds(now)) {
            return Err(Refused::new(reason));
        }
        Ok(Grant {
            claims: parts.claims,
            verb: verb.clone(),
            ranges: scope.ranges,
            expires: scope.expires,
            uses: Arc::clone(&self.uses),
        })
    }

    /// The first of what does not hold.
    fn problem(&self, parts: &Parts<'_>, scope: &Scope, now: u64) -> Option<Reason> {
        let claims = &parts.claims;
        let checked = self.keys.check(parts);
        let (uses, bytes) = self.uses.left(claims);
        // INVARIANT: all of it is found out before any of it is told.
        let holds = [
            (checked != Checked::Unknown, Reason::UnknownKey),
            (checked == Checked::Authentic, Reason::Forged),
            (claims.authority == self.authority, Reason::Authority),
            (scope.of_tenant, Reason::Tenant),
            (scope.admits, Reason::Audience),
            (claims.terms.not_before <= now, Reason::Early),
            (now < scope.expires, Reason::Expired),
            (!self.revocations.revokes(claims), Reason::Revoked),
            (scope.allows, Reason::Verb),
            (!scope.ranges.is_empty(), Reason::Range),
            (uses != Some(0), Reason::Uses),
            (bytes != Some(0), Reason::Bytes),
        ];
        let problem = holds.into_iter().find(|(holds, _)| !holds);
        problem.map(|(_, reason)| reason)
    }
}

/// What is left of a token behind its caveats, for one presenter and verb.
struct Scope {
    of_tenant: bool,
    admits: bool,
    allows: bool,
    expires: u64,
    ranges: Ranges,
}

impl Scope {
    fn of(parts: &Parts<'_>, presenter: &Presenter<'_>, verb: &Verb) -> Self {
        let claims = &parts.claims;
        let mut scope = Self {
            of_tenant: claims.tenant == *presenter.of().tenant(),
            admits: claims.audience.admits(presenter),
            allows: claims.terms.verbs.allow(verb),
            expires: claims.terms.expires,
            ranges: claims.terms.ranges,
        };
        for (caveat, _) in &parts.caveats {
            scope.narrow(caveat, presenter, verb);
        }
        scope
    }

    fn narrow(&mut self, caveat: &Caveat, presenter: &Presenter<'_>, verb: &Verb) {
        match caveat {
            // What falls into too many pieces is nothing.
            Caveat::Ranges(only) => self.ranges = self.ranges.intersect(only).unwrap_or_default(),
            Caveat::Before(seconds) => self.expires = self.expires.min(*seconds),
            Caveat::Verbs(only) => self.allows &= only.allow(verb),
            Caveat::Principal(only) => self.admits &= presenter.is_principal(only),
            Caveat::Client(only) => self.admits &= presenter.is_client(only),
            Caveat::Run(only) => self.admits &= presenter.is_run(only),
        }
    }
}
