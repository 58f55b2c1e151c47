//! A record as it goes to the writer.

use std::sync::Arc;

use mcpo2_core::Principal;
use mcpo2_verify::{BODY_HEAD, Kind, end_body};
use serde_json::{Value, json};

use super::{MAX_RECORD, Record, personal};
use crate::{
    Error, ErrorKind, RecordId,
    prepared::{self, Prepared},
    text::clip,
    vault::{Person, Personal, Subject, Vault},
};

const MAX_FACTS: usize = 16;
const MAX_FACT: usize = 2048;
/// How long the names of roles and scopes may be where a record is too long.
const MAX_LABEL_THEN: usize = 16;
const TENANT: &str = "mcpo2 2026 audit tenant tag v1";
const LOOKUP: &str = "mcpo2 2026 audit subject lookup v1";

/// What tags tenants and seals what is personal.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) vault: Vault,
}

impl Sealing {
    pub(crate) fn new(secret: &[u8; 32], keys: crate::vault::Keys) -> Result<Self, Error> {
        let [lookups, tenants] = [LOOKUP, TENANT].map(|it| blake3::derive_key(it, secret));
        Ok(Self {
            vault: Vault::new(keys, lookups, tenants)?,
        })
    }

    /// Whom records of this principal are of.
    pub(crate) fn person(&self, principal: &Principal) -> Result<Arc<Person>, Error> {
        let (tenant, id) = (principal.tenant(), principal.id());
        self.vault.person(tenant.as_str(), id.as_str())
    }

    /// What becomes of a record: its public part, commitments to what is personal, and that sealed.
    /// `public` is JSON behind [`BODY_HEAD`] bytes.
    pub(crate) fn seal(
        &self,
        (kind, id): (Kind, RecordId),
        tenant: [u8; 32],
        public: Vec<u8>,
        personal: &Personal,
        subject: Option<&Subject>,
    ) -> Result<Prepared, Error> {
        let mut bytes = public;
        shorten_record(&mut bytes).map_err(unfit)?;
        let bound = subject.map(|subject| (subject, self.vault.bind(personal)));
        let commitments = bound.as_ref().map(|(_, bound)| bound.commitments());
        end_body(&mut bytes, &commitments.unwrap_or_default()).map_err(unfit)?;
        let body = bytes.len();
        if let Some((subject, bound)) = bound {
            bound.seal(&mut bytes, subject, id);
        }
        Ok(Prepared {
            kind,
            tenant,
            bytes,
            body,
            notice: None,
        })
    }

    /// The same for an event that is no call under way.
    pub(crate) fn event(&self, mut record: Record) -> Result<Prepared, Error> {
        record.event.bound();
        let kind = record.event.kind();
        let mut of = None;
        if let Some(caller) = record.event.principal_mut()
            && let Some(id) = &caller.id
        {
            let tenant = caller.tenant.as_str();
            let person = self.vault.person(tenant, id.as_str())?;
            caller.pseudonym = Some(person.pseudonym.clone());
            of = Some(person);
        }
        let (id, day) = (record.id, record.time.strftime("%F").to_string());
        let mut json = serde_json::to_value(&record).map_err(unfit)?;
        let personal = personal::take(&mut json);
        let tenant = of.as_ref().map_or([0; 32], |person| person.tenant);
        let person = match of {
            None if personal.is_empty() => None,
            // Nobody known: all strangers of one day are one person.
            None => Some(self.vault.person("", &format!("strangers of {day}"))?),
            known => known,
        };
        let subject = person.as_ref().map(|person| &person.subject);
        let mut public = head();
        serde_json::to_writer(&mut public, &json).map_err(unfit)?;
        self.seal((kind, id), tenant, public, &personal, subject)
    }
}

/// Something that no record can hold.
fn unfit(error: impl Into<mcpo2_core::BoxError>) -> Error {
    Error::new(ErrorKind::Poisoned, "what happened cannot be recorded").with_source(error)
}

/// Room for a body, and in it for its head.
pub(super) fn head() -> Vec<u8> {
    let mut bytes = prepared::room();
    bytes.resize(BODY_HEAD, 0);
    bytes
}

/// Puts a mark in place of long facts in a record's JSON where it is longer than [`MAX_RECORD`], and
/// of those behind the sixteenth.
fn shorten_record(bytes: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let json = bytes.get(BODY_HEAD..).unwrap_or_default();
    if json.len() <= MAX_RECORD {
        return Ok(());
    }
    let mut record: Value = serde_json::from_slice(json)?;
    if let Some(facts) = record.get_mut("facts").and_then(Value::as_array_mut) {
        let behind = facts.len().saturating_sub(MAX_FACTS);
        facts.truncate(MAX_FACTS);
        facts.iter_mut().for_each(shorten);
        if behind > 0 {
            facts.push(json!({ "omitted": { "facts": behind } }));
        }
    }
    write_again(bytes, &record)?;
    if bytes.len() <= BODY_HEAD + MAX_RECORD {
        return Ok(());
    }
    omit(&mut record);
    write_again(bytes, &record)
}

fn write_again(bytes: &mut Vec<u8>, record: &Value) -> Result<(), serde_json::Error> {
    bytes.truncate(BODY_HEAD);
    serde_json::to_writer(bytes, record)
}

/// Cuts what is bounded in bytes, and whose escapes are six times as long all the same: whoever names
/// things so stops no record.
fn omit(record: &mut Value) {
    if let Some(detail) = record.get_mut("detail") {
        let bytes = detail.to_string().len();
        *detail = json!({ "omitted": format!("{bytes} bytes") });
    }
    for pointer in ["/principal/roles", "/principal/scopes"] {
        let labels = record.pointer_mut(pointer).and_then(Value::as_array_mut);
        for label in labels.into_iter().flatten() {
            let text = label.as_str().unwrap_or_default();
            *label = clip(text, MAX_LABEL_THEN).into_string().into();
        }
    }
}

/// Keeps no more of a fact than its kind and its length, where it is long.
fn shorten(fact: &mut Value) {
    let bytes = fact.to_string().len();
    if bytes > MAX_FACT {
        let kind = fact.as_object().and_then(|fact| fact.keys().next());
        *fact = json!({ "omitted": { "kind": kind, "bytes": bytes } });
    }
}
