//! A call's record as it is written: what a [`CallRecord`](super::CallRecord) is when it is read.
//!
//! It borrows from the call that has ended: each call is written, and few are ever read.

use jiff::Timestamp;
use mcpo2_core::{AuthMethod, Fact, Principal, PrincipalId, PrincipalKind, TenantId};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{
    Asked, Ended, FORMAT,
    call::{MAX_LABEL, MAX_ROLES},
};
use crate::{RecordId, Source, json, text::clipped};

/// Room for most records, so that few are moved while they are written.
const ROOM: usize = 2048;

/// What is written of a call.
#[derive(Debug)]
pub(crate) struct WrittenCall<'a> {
    pub(crate) stamp: (RecordId, Timestamp),
    pub(crate) way: Way<'a>,
    pub(crate) request: &'a Asked,
    pub(crate) facts: &'a [Fact],
    pub(crate) end: &'a Ended,
}

/// Who called, from where, and through what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) source: Option<&'a Source>,
    pub(crate) trace: Option<&'a str>,
    pub(crate) generation: Option<u64>,
}

/// Who called, as [`Caller`](super::Caller) has it.
#[derive(Serialize)]
struct WrittenCaller<'a> {
    tenant: &'a TenantId,
    id: &'a PrincipalId,
    kind: PrincipalKind,
    auth: AuthMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Roles<'a>>,
}

struct Roles<'a>(&'a Principal);

impl WrittenCall<'_> {
    pub(crate) fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = Vec::with_capacity(ROOM);
        json::write(&mut json, self)?;
        Ok(json)
    }
}

/// The members in the order in which a [`Record`](super::Record) has them. By hand, since
/// `serde(flatten)` would gather them all first.
impl Serialize for WrittenCall<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Way {
            principal,
            source,
            trace,
            generation,
        } = self.way;
        let (id, time) = &self.stamp;
        let mut record = to.serialize_struct("Record", 13)?;
        record.serialize_field("format", FORMAT)?;
        record.serialize_field("id", id)?;
        record.serialize_field("time", time)?;
        record.serialize_field("kind", "call")?;
        record.serialize_field("principal", &WrittenCaller::of(principal))?;
        if let Some(source) = source {
            record.serialize_field("transport", &clipped(source.transport(), MAX_LABEL))?;
        }
        if let Some(remote) = source.and_then(Source::remote) {
            record.serialize_field("remote", &clipped(remote, MAX_LABEL))?;
        }
        if let Some(trace) = trace {
            record.serialize_field("trace", trace)?;
        }
        if let Some(generation) = generation {
            record.serialize_field("generation", &generation)?;
        }
        record.serialize_field("request", self.request)?;
        let family = self.facts.iter().find_map(|fact| match fact {
            Fact::Classified(classified) => classified.family.as_ref(),
            _ => None,
        });
        if let Some(family) = family {
            record.serialize_field("family", family)?;
        }
        record.serialize_field("facts", self.facts)?;
        record.serialize_field("end", self.end)?;
        record.end()
    }
}

impl<'a> WrittenCaller<'a> {
    fn of(principal: &'a Principal) -> Self {
        let has_roles = principal.roles().next().is_some();
        Self {
            tenant: principal.tenant(),
            id: principal.id(),
            kind: principal.kind(),
            auth: principal.auth(),
            roles: has_roles.then_some(Roles(principal)),
        }
    }
}

impl Serialize for Roles<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let roles = self.0.roles().take(MAX_ROLES);
        to.collect_seq(roles.map(|role| clipped(role, MAX_LABEL)))
    }
}

#[cfg(test)]
mod tests;
