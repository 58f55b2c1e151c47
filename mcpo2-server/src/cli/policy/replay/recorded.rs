use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::SystemTime};

use mcpo2_audit::{Asked, Caller, Entry, Event, ItemRef};
use mcpo2_core::{Effect, Facts, Family, Item, ItemKind, Method, Principal, PrincipalId};
use mcpo2_policy::{Matter, Query, Situation};
use serde_json::Value;

use super::owners::{Owners, Told};

// How much of names, of methods and roles, and how many roles a record keeps.
const MAX_NAME: usize = 512;
const MAX_LABEL: usize = 128;
const MAX_ROLES: usize = 64;

/// A call, as a ledger has it.
#[derive(Debug)]
pub(super) struct Recorded<'e> {
    pub(super) seq: u64,
    pub(super) caller: &'e Caller,
    pub(super) asked: &'e Asked,
    entry: &'e Entry,
    remote: Option<&'e str>,
    family: Option<&'e Family>,
    facts: &'e [Value],
}

/// What was decided then.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub(super) effect: Effect,
    pub(super) rules: Vec<Box<str>>,
    pub(super) bundle: Box<str>,
}

/// What a gateway knew of the world around its calls, and no record says.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) owners: Owners,
    pub(super) environment: Option<String>,
    pub(super) has_environment: bool,
}

/// What was asked, ready to be decided again.
#[derive(Debug)]
pub(super) struct Ask {
    method: Method,
    item: Option<Item>,
    principal: Principal,
    facts: Option<Arc<Facts>>,
    family: Option<Family>,
    situation: Situation,
    arguments: Option<Vec<u8>>,
    /// What is not known of it.
    pub(super) lost: BTreeSet<Matter>,
}

impl Ask {
    pub(super) fn query(&self) -> Query<'_> {
        let query = Query::new(&self.method, self.item.as_ref(), &self.principal)
            .with_facts(self.facts.clone())
            .with_situation(&self.situation);
        let query = match &self.family {
            Some(family) => query.with_family(family),
            None => query,
        };
        match &self.arguments {
            Some(arguments) => query.with_arguments(arguments),
            None => query,
        }
    }
}

impl<'e> Recorded<'e> {
    /// The call of a record, where it has one. An intent says all that was decided on.
    pub(super) fn of(entry: &'e Entry) -> Option<Self> {
        let (caller, remote, asked, family, facts) = match &entry.record.event {
            Event::Call(it) => (
                &it.principal,
                &it.remote,
                &it.request,
                &it.family,
                &it.facts,
            ),
            Event::Intent(it) => (
                &it.principal,
                &it.remote,
                &it.request,
                &it.family,
                &it.facts,
            ),
            _ => return None,
        };
        Some(Self {
            seq: entry.seq,
            caller,
            asked,
            entry,
            remote: remote.as_deref(),
            family: family.as_ref(),
            facts,
        })
    }

    pub(super) fn decided(&self) -> Option<Decided> {
        let decided = self.fact("decided")?;
        let effect = match decided.get("effect")?.as_str()? {
            "allow" => Effect::Allow,
            "require_approval" => Effect::RequireApproval,
            "deny" => Effect::Deny,
            _ => return None,
        };
        let rules = decided.get("rules").and_then(Value::as_array);
        let rules = rules.into_iter().flatten().filter_map(Value::as_str);
        let bundle = decided.get("bundle").and_then(Value::as_str);
        Some(Decided {
            effect,
            rules: rules.map(Into::into).collect(),
            bundle: bundle.unwrap_or_default().into(),
        })
    }

    /// The question again; or what it cannot be asked without.
    pub(super) fn ask(&self, around: &Surroundings) -> Result<Ask, &'static str> {
        if self.asked.method.len() > MAX_LABEL {
            return Err("method");
        }
        let method = Method::from(&*self.asked.method);
        // The resources whose changes were asked for are not recorded.
        if method == Method::Listen {
            return Err("subscription");
        }
        let item = self.asked.item.as_ref().map(item).transpose()?;
        let mut lost = BTreeSet::new();
        let principal = self.principal(&mut lost)?;
        let told = self.told();
        let owned = item.as_ref().map(|item| around.owners.owner(item, &told));
        let (facts, unknown) = owned.unwrap_or_default();
        lost.extend(unknown);
        let is_guess = facts.is_none() && !told.is_registered;
        Ok(Ask {
            family: self.family.filter(|_| is_guess).cloned(),
            situation: self.situation(around, &mut lost),
            arguments: self.arguments(&mut lost),
            method,
            item,
            principal,
            facts,
            lost,
        })
    }

    fn principal(&self, lost: &mut BTreeSet<Matter>) -> Result<Principal, &'static str> {
        let caller = self.caller;
        let id = match &caller.id {
            Some(id) => id.clone(),
            None => {
                lost.insert(Matter::Principal);
                PrincipalId::new("unknown").map_err(|_| "principal")?
            }
        };
        let is_cut = |labels: &[Box<str>]| {
            labels.len() >= MAX_ROLES || labels.iter().any(|label| label.len() > MAX_LABEL)
        };
        if is_cut(&caller.roles) {
            lost.insert(Matter::Roles);
        }
        if is_cut(&caller.scopes) {
            lost.insert(Matter::Scopes);
        }
        let principal = Principal::new(caller.tenant.clone(), id, caller.auth)
            .with_kind(caller.kind)
            .with_roles(caller.roles.iter().cloned())
            .with_scopes(caller.scopes.iter().cloned());
        Ok(match &caller.project {
            Some(project) if project.len() > MAX_LABEL => {
                lost.insert(Matter::Project);
                principal
            }
            Some(project) => principal.with_project(project.clone()),
            None => principal,
        })
    }

    fn situation(&self, around: &Surroundings, lost: &mut BTreeSet<Matter>) -> Situation {
        let mut situation = Situation::default()
            .at(SystemTime::from(self.entry.record.time))
            .with_request_bytes(self.asked.bytes);
        match &around.environment {
            Some(environment) => situation = situation.in_environment(environment.as_str()),
            None if around.has_environment => {}
            None => {
                lost.insert(Matter::Environment);
            }
        }
        match self.remote.map(str::parse::<SocketAddr>) {
            Some(Ok(remote)) => situation = situation.from_source(remote.ip()),
            // Read with the caller's id, or not at all.
            None if self.caller.id.is_none() => {
                lost.insert(Matter::Source);
            }
            Some(Err(_)) | None => {}
        }
        if !self.asked.version.is_stateless() {
            lost.insert(Matter::SessionAge);
        }
        situation
    }

    fn arguments(&self, lost: &mut BTreeSet<Matter>) -> Option<Vec<u8>> {
        if self.asked.argument_bytes == 0 {
            return None;
        }
        let kept = self.entry.json.pointer("/request/arguments");
        let kept = kept.and_then(|kept| {
            let written = serde_json::to_vec(kept).ok()?;
            let length = u64::try_from(written.len()).ok()?;
            // Of another length, its numbers may have been rounded when they were read.
            let is_exact = length == self.asked.argument_bytes || !has_fractions(kept);
            is_exact.then_some(written)
        });
        if kept.is_none() {
            lost.insert(Matter::Arguments);
        }
        kept
    }

    fn told(&self) -> Told<'e> {
        let text = |fact: &str, key: &str| self.fact(fact)?.get(key)?.as_str();
        Told {
            family: self.family,
            is_registered: text("classified", "basis") == Some("registry"),
            module: text("routed", "module"),
        }
    }

    fn fact(&self, kind: &str) -> Option<&'e Value> {
        self.facts.iter().find_map(|fact| fact.get(kind))
    }
}

fn item(item: &ItemRef) -> Result<Item, &'static str> {
    match &item.name {
        Some(name) if name.len() <= MAX_NAME => Ok(Item::new(item.kind, Arc::clone(name))),
        _ if item.kind == ItemKind::Resource => Err("uri"),
        _ => Err("name"),
    }
}

/// Whether a number stands in it that is not whole, or too large for a machine.
fn has_fractions(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fractions),
        Value::Object(members) => members.values().any(has_fractions),
        _ => false,
    }
}
