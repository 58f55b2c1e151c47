use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{claims::Claims, name::TokenId, object::Object};

/// How many objects and ids of one tenant are revoked one by one.
pub(super) const MAX_EACH: usize = 4096;

/// What is revoked of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenant {
    /// Everything that was signed before this epoch.
    pub(super) floor: u64,
    objects: BTreeMap<Object, Since>,
    /// Each with the second since 1970 when it has expired.
    ids: BTreeMap<TokenId, u64>,
    /// When nothing of this can be presented any more.
    pub(super) until: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    floor: u64,
    until: u64,
}

impl Tenant {
    pub(super) fn revokes(&self, claims: &Claims) -> bool {
        let before = |object: &Object| {
            let since = self.objects.get(object);
            since.is_some_and(|since| claims.epoch < since.floor)
        };
        let whole = Object::Manifest(*claims.object.digest());
        let in_manifest = matches!(claims.object, Object::Entry { .. }) && before(&whole);
        claims.epoch < self.floor
            || self.ids.contains_key(&claims.id)
            || before(&claims.object)
            || in_manifest
    }

    /// Revokes all that was signed before this epoch, in which the rest is contained.
    pub(super) fn revoke_all(&mut self, floor: u64, until: u64) {
        *self = Self {
            floor: floor.max(self.floor),
            until: until.max(self.until),
            ..Self::default()
        };
    }

    pub(super) fn revoke_object(&mut self, object: Object, floor: u64, until: u64) {
        let since = self.objects.entry(object).or_insert(Since { floor, until });
        since.floor = since.floor.max(floor);
        since.until = since.until.max(until);
        self.until = self.until.max(until);
    }

    pub(super) fn revoke_id(&mut self, id: TokenId, until: u64) {
        let known = self.ids.entry(id).or_insert(until);
        *known = until.max(*known);
        self.until = self.until.max(until);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.floor = self.floor.max(other.floor);
        self.until = self.until.max(other.until);
        for (object, since) in &other.objects {
            self.revoke_object(object.clone(), since.floor, since.until);
        }
        for (id, until) in &other.ids {
            self.revoke_id(*id, *until);
        }
    }

    /// Keeps within bounds: what has expired goes, and if that is not enough, all that was signed
    /// before this epoch is revoked in place of what is remembered one by one.
    pub(super) fn bound(&mut self, epoch: u64, now: u64, until: u64) {
        if self.objects.len().max(self.ids.len()) <= MAX_EACH {
            return;
        }
        self.objects.retain(|_, since| now < since.until);
        self.ids.retain(|_, until| now < *until);
        if self.objects.len().max(self.ids.len()) > MAX_EACH {
            self.revoke_all(epoch, until);
        }
    }
}
