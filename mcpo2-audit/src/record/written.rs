//! A call's record as it is written: what a [`CallRecord`](super::CallRecord) is when it is read.
//!
//! It borrows from the call that has ended: each call is written, and few are ever read.

use std::borrow::Cow;

use jiff::Timestamp;
use mcpo2_core::{AuthMethod, Fact, Principal, PrincipalKind, TenantId};
use mcpo2_verify::Kind;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{
    Asked, Ended, FORMAT, ItemRef,
    call::{MAX_LABEL, MAX_ROLES},
    personal::{ARGUMENTS, CAUSE, ITEM, PRINCIPAL, REMOTE},
    prepare::head,
};
use crate::{RecordId, Source, json, text::clipped, vault::Personal};

/// Room for most records, so that few are moved while they are written.
const ROOM: usize = 2048;

/// What is written of a call.
#[derive(Debug)]
pub(crate) struct WrittenCall<'a> {
    pub(crate) stamp: (RecordId, Timestamp),
    pub(crate) shape: Shape<'a>,
    pub(crate) facts: &'a [Fact],
}

/// How much of it there is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    /// All of it, of a call that went to no module.
    Call(Way<'a>, &'a Ended),
    /// What is known before it goes to a module.
    Intent(Way<'a>),
    /// What is known since its intent.
    Outcome(RecordId, &'a Ended),
}

/// Who called, from where, and through what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) source: Option<&'a Source>,
    pub(crate) trace: Option<&'a str>,
    pub(crate) generation: Option<u64>,
    pub(crate) pseudonym: &'a str,
    pub(crate) request: &'a Asked,
    /// The arguments, where they are kept.
    pub(crate) arguments: Option<&'a [u8]>,
}

/// Who called, as [`Caller`](super::Caller) has it.
#[derive(Serialize)]
struct WrittenCaller<'a> {
    tenant: &'a TenantId,
    pseudonym: &'a str,
    kind: PrincipalKind,
    auth: AuthMethod,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Labels<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Labels<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Cow<'a, str>>,
}

/// Some of the names that a principal goes by.
enum Labels<'a> {
    Roles(&'a Principal),
    Scopes(&'a Principal),
}

impl WrittenCall<'_> {
    /// The JSON of its public part, behind room for the head of a body.
    pub(crate) fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = head();
        json.reserve(ROOM);
        json::write(&mut json, self)?;
        Ok(json)
    }

    /// What is personal, which stands elsewhere.
    pub(crate) fn personal(&self) -> Result<Personal, serde_json::Error> {
        let mut personal = Vec::new();
        let mut add = |path, text: &str| -> Result<(), serde_json::Error> {
            personal.push((path, serde_json::to_string(text)?));
            Ok(())
        };
        if let Shape::Call(_, Ended { cause, .. }) | Shape::Outcome(_, Ended { cause, .. }) =
            self.shape
            && let Some(cause) = cause
        {
            add(CAUSE, cause)?;
        }
        let (Shape::Call(way, _) | Shape::Intent(way)) = self.shape else {
            return Ok(personal);
        };
        add(PRINCIPAL, way.principal.id().as_str())?;
        if let Some(remote) = way.source.and_then(Source::remote) {
            add(REMOTE, &clipped(remote, MAX_LABEL))?;
        }
        if let Some(ItemRef {
            name: Some(name), ..
        }) = way.personal_item()
        {
            add(ITEM, name)?;
        }
        let arguments = way.arguments.and_then(|it| std::str::from_utf8(it).ok());
        if let Some(arguments) = arguments {
            personal.push((ARGUMENTS, arguments.to_owned()));
        }
        Ok(personal)
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.shape {
            Shape::Call(..) => Kind::CALL,
            Shape::Intent(_) => Kind::INTENT,
            Shape::Outcome(..) => Kind::OUTCOME,
        }
    }

    fn name(&self) -> &'static str {
        match self.shape {
            Shape::Call(..) => "call",
            Shape::Intent(_) => "intent",
            Shape::Outcome(..) => "outcome",
        }
    }
}

impl<'a> Way<'a> {
    fn personal_item(&self) -> Option<&'a ItemRef> {
        let item = self.request.item.as_ref();
        item.filter(|item| item.is_personal())
    }

    fn fields<S: SerializeStruct>(&self, record: &mut S) -> Result<(), S::Error> {
        record.serialize_field("principal", &WrittenCaller::of(self))?;
        if let Some(source) = self.source {
            record.serialize_field("transport", &clipped(source.transport(), MAX_LABEL))?;
        }
        if let Some(trace) = self.trace {
            record.serialize_field("trace", trace)?;
        }
        if let Some(generation) = self.generation {
            record.serialize_field("generation", &generation)?;
        }
        match self.personal_item() {
            None => record.serialize_field("request", self.request),
            Some(item) => {
                let mut request = self.request.clone();
                let kind = item.kind;
                request.item = Some(ItemRef { kind, name: None });
                record.serialize_field("request", &request)
            }
        }
    }
}

/// The members in the order in which a [`Record`](super::Record) has them. By hand, since
/// `serde(flatten)` would gather them all first.
impl Serialize for WrittenCall<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (id, time) = &self.stamp;
        let mut record = to.serialize_struct("Record", 13)?;
        record.serialize_field("format", FORMAT)?;
        record.serialize_field("id", id)?;
        record.serialize_field("time", time)?;
        record.serialize_field("kind", self.name())?;
        match &self.shape {
            Shape::Call(way, _) | Shape::Intent(way) => {
                way.fields(&mut record)?;
                let family = self.facts.iter().find_map(|fact| match fact {
                    Fact::Classified(classified) => classified.family.as_ref(),
                    _ => None,
                });
                if let Some(family) = family {
                    record.serialize_field("family", family)?;
                }
            }
            Shape::Outcome(intent, _) => record.serialize_field("intent", intent)?,
        }
        record.serialize_field("facts", self.facts)?;
        if let Shape::Call(_, end) | Shape::Outcome(_, end) = self.shape {
            record.serialize_field("end", &PublicEnd(end))?;
        }
        record.end()
    }
}

/// How a call ended, but for the cause.
struct PublicEnd<'a>(&'a Ended);

impl Serialize for PublicEnd<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.cause {
            None => self.0.serialize(to),
            Some(_) => {
                let mut end = self.0.clone();
                end.cause = None;
                end.serialize(to)
            }
        }
    }
}

impl<'a> WrittenCaller<'a> {
    fn of(way: &Way<'a>) -> Self {
        let principal = way.principal;
        let has_roles = principal.roles().next().is_some();
        let has_scopes = principal.scopes().next().is_some();
        let project = principal.project();
        Self {
            tenant: principal.tenant(),
            pseudonym: way.pseudonym,
            kind: principal.kind(),
            auth: principal.auth(),
            roles: has_roles.then_some(Labels::Roles(principal)),
            scopes: has_scopes.then_some(Labels::Scopes(principal)),
            project: project.map(|project| clipped(project, MAX_LABEL)),
        }
    }
}

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let clip = |label| clipped(label, MAX_LABEL);
        match self {
            Self::Roles(of) => to.collect_seq(of.roles().take(MAX_ROLES).map(clip)),
            Self::Scopes(of) => to.collect_seq(of.scopes().take(MAX_ROLES).map(clip)),
        }
    }
}

#[cfg(test)]
mod tests;
