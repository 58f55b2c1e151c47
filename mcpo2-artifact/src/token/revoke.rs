use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::SystemTime,
};

use mcpo2_core::TenantId;
use serde::{Deserialize, Serialize};

use super::{
    claims::Claims,
    key::KeyId,
    name::TokenId,
    object::Object,
    tenant::Tenant,
    time::{MAX_LIFETIME, micros, seconds},
};

/// How many tenants have something revoked.
const MAX_TENANTS: usize = 16 * 1024;

/// How many keys are revoked, which is for ever.
const MAX_KEYS: usize = 1024;

/// What is revoked, in memory that is bounded.
///
/// It has an epoch, a number that grows with each revocation. A reference tells the epoch in which
/// it was signed, and is stale where its tenant or its object was revoked in a later one. One that
/// tells an epoch that is not known here is refused as well.
///
/// What does not fit is never forgotten while it matters: where a tenant has too much revoked one
/// by one, all of its references are revoked; where too many tenants have, all of everyone's are.
///
/// ```
/// # use std::{sync::Arc, time::SystemTime};
/// # use mcpo2_artifact::token::*;
/// # use mcpo2_core::{AuthMethod, Digest, Principal};
/// # let now = SystemTime::now();
/// # let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let (keys, revocations) = (Arc::new(Keys::ephemeral()?), Arc::new(Revocations::new(now)));
/// # let authority: Authority = "gw.example".parse()?;
/// let issuer = Issuer::new(authority.clone(), keys.clone(), revocations.clone(), Limits::default());
/// let verifier = Verifier::new(authority, keys, revocations.clone(), Arc::default());
/// let object = Object::Blob(Digest::of(b"a log"));
/// let mint = || Mint::new("acme".parse().expect("a tenant"), object.clone(), Audience::principal(&ada));
///
/// let old = issuer.sign(mint(), now)?;
/// revocations.revoke_object(ada.tenant(), object.clone(), now);
/// let new = issuer.sign(mint(), now)?;
/// let verify = |it: &SignedReference| verifier.verify(it.token(), &ada, &Verb::Read, now);
/// assert_eq!(verify(&old).unwrap_err().reason(), Reason::Revoked);
/// assert!(verify(&new).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Revocations {
    state: RwLock<State>,
    /// What was revoked before this epoch is not known.
    known_since: u64,
}

/// What is revoked, to be kept or sent: serialize it in whatever form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "State")]
pub struct Snapshot(State);

/// The epoch is one that no clock tells, and that none could follow.
#[derive(Debug, thiserror::Error)]
#[error("an epoch that is no time")]
struct InvalidEpoch;

impl TryFrom<State> for Snapshot {
    type Error = InvalidEpoch;

    fn try_from(state: State) -> Result<Self, InvalidEpoch> {
        match i64::try_from(state.epoch) {
            Ok(_) => Ok(Self(state)),
            Err(_) => Err(InvalidEpoch),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    epoch: u64,
    /// Everything that was signed before this epoch.
    floor: u64,
    /// Everything that an earlier revision of the policy allowed.
    policy: u64,
    keys: BTreeSet<KeyId>,
    tenants: BTreeMap<TenantId, Tenant>,
}

impl Revocations {
    /// Nothing is known of what was revoked before, so every reference from before is stale.
    ///
    /// The epoch is the time in microseconds, so a clock that stands or goes back between two
    /// starts makes references stale, and never valid.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        let epoch = micros(now);
        Self {
            state: RwLock::new(State {
                epoch,
                ..State::default()
            }),
            known_since: epoch,
        }
    }

    /// Goes on from what was kept. References from before hold, except for those that are revoked
    /// in the snapshot: keep one after each revocation.
    #[must_use]
    pub fn restore(Snapshot(state): Snapshot) -> Self {
        Self {
            state: RwLock::new(state),
            known_since: 0,
        }
    }

    /// What is revoked now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state().clone())
    }

    /// Adds what another gateway with the same keys has revoked, so that it is revoked here too.
    ///
    /// Epochs are times, so a revocation reaches what this gateway signed before it as far as both
    /// clocks agree. In whatever order and however often snapshots come, the outcome is the same,
    /// as long as there is room.
    pub fn absorb(&self, Snapshot(other): &Snapshot, now: SystemTime) {
        self.change(now, |state, _| {
            state.floor = state.floor.max(other.floor);
            state.policy = state.policy.max(other.policy);
            state.epoch = state.epoch.max(other.epoch);
            state.keys.extend(&other.keys);
            for (name, tenant) in &other.tenants {
                state
                    .tenants
                    .entry(name.clone())
                    .or_default()
                    .absorb(tenant);
            }
        });
    }

    /// Revokes everything that was signed so far.
    pub fn revoke_all(&self, now: SystemTime) {
        self.change(now, |state, _| {
            state.floor = state.advance(now);
            state.tenants.clear();
        });
    }

    /// Revokes everything that was signed so far for this tenant.
    pub fn revoke_tenant(&self, tenant: &TenantId, now: SystemTime) {
        self.change(now, |state, until| {
            let floor = state.advance(now);
            state.tenant(tenant).revoke_all(floor, until);
        });
    }

    /// Revokes everything that was signed so far for this object of this tenant. With a manifest
    /// go its entries.
    pub fn revoke_object(&self, tenant: &TenantId, object: Object, now: SystemTime) {
        self.change(now, |state, until| {
            let floor = state.advance(now);
            state.tenant(tenant).revoke_object(object, floor, until);
        });
    }

    /// Revokes one reference and all that is made of it. It is remembered until it expires; where
    /// that is not known, say in [`MAX_LIFETIME`] from now.
    pub fn revoke_id(&self, tenant: &TenantId, id: TokenId, expires: SystemTime, now: SystemTime) {
        self.change(now, |state, until| {
            let until = until.min(seconds(expires));
            state.tenant(tenant).revoke_id(id, until);
        });
    }

    /// Revokes a key for ever. Whoever has it can sign whatever he wants, so no epoch matters.
    pub fn revoke_key(&self, key: KeyId, now: SystemTime) {
        self.change(now, |state, _| {
            state.keys.insert(key);
        });
    }

    /// Revokes everything that an earlier revision of the policy allowed.
    pub fn require_policy(&self, revision: u64, now: SystemTime) {
        self.change(now, |state, _| state.policy = state.policy.max(revision));
    }

    /// The epoch: what is signed now tells it.
    pub(super) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    pub(super) fn revokes(&self, claims: &Claims) -> bool {
        let state = self.state();
        let tenant = state.tenants.get(&claims.tenant);
        claims.epoch < self.known_since
            || claims.epoch < state.floor
            || claims.epoch > state.epoch
            || claims.policy_revision < state.policy
            || state.keys.contains(&claims.key)
            || tenant.is_some_and(|tenant| tenant.revokes(claims))
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, told when everything that is signed now has expired.
    fn change(&self, now: SystemTime, change: impl FnOnce(&mut State, u64)) {
        let until = seconds(now).saturating_add(MAX_LIFETIME.as_secs());
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut state, until);
        state.bound(now, until);
    }
}

impl State {
    /// Begins a new epoch. What was signed in the one before is older than it.
    fn advance(&mut self, now: SystemTime) -> u64 {
        self.epoch = self.epoch.saturating_add(1).max(micros(now));
        self.epoch
    }

    fn tenant(&mut self, tenant: &TenantId) -> &mut Tenant {
        self.tenants.entry(tenant.clone()).or_default()
    }

    fn bound(&mut self, now: SystemTime, until: u64) {
        let second = seconds(now);
        let next = self.epoch.saturating_add(1).max(micros(now));
        let mut widened = false;
        for tenant in self.tenants.values_mut() {
            let before = tenant.floor;
            tenant.bound(next, second, until);
            widened |= tenant.floor != before;
        }
        if self.tenants.len() > MAX_TENANTS {
            self.tenants.retain(|_, tenant| second < tenant.until);
        }
        if self.tenants.len() > MAX_TENANTS {
            self.tenants.clear();
            (self.floor, widened) = (next, true);
        }
        if self.keys.len() > MAX_KEYS {
            // No reference tells this epoch: with so many keys lost, nobody can be trusted.
            (self.keys, self.floor) = (BTreeSet::new(), u64::MAX);
        }
        if widened {
            self.epoch = next;
        }
    }
}
