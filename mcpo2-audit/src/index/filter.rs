use jiff::Timestamp;
use mcpo2_core::TenantId;

use super::{Found, Row, json::clean};

/// Whose rows a query may see. There is no default: whoever asks says for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantScope {
    /// Those of one tenant, and none that have no tenant.
    One(TenantId),
    /// Those of all tenants, and those of none: for operators of the gateway only.
    All,
}

impl TenantScope {
    pub(super) fn covers(&self, row: &Row) -> bool {
        match self {
            Self::One(tenant) => row.who.tenant.as_ref() == Some(tenant),
            Self::All => true,
        }
    }
}

/// What a row has to be for a query to find it.
///
/// Where an intent has an outcome, the two count as one row, whose number is that of the intent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// It began at this time or later.
    From(Timestamp),
    /// It began before this time.
    Until(Timestamp),
    /// It is of this principal, by pseudonym or by id.
    Principal(Box<str>),
    /// Of this method.
    Method(Box<str>),
    /// It addresses the item of this name or URI, as the caller sent it.
    Item(Box<str>),
    /// Sent to this module.
    Module(Box<str>),
    /// Of this capability family.
    Family(Box<str>),
    /// Decided so.
    Effect(Box<str>),
    /// Ended so; `pending` finds intents without an outcome.
    Outcome(Box<str>),
    /// Decided by this rule, among others.
    Rule(Box<str>),
    /// Decided under the policy bundle of this digest.
    Bundle(Box<str>),
    /// Part of this trace.
    Trace(Box<str>),
    /// A record of this kind. An outcome is part of its intent, unless that is not in the index.
    Kind(Box<str>),
}

impl Filter {
    pub(super) fn finds(&self, found: &Found) -> bool {
        let row = &found.row;
        let is = |column: Option<&str>, text: &str| column == Some(&*clean(text));
        match self {
            Self::From(time) => row.time >= *time,
            Self::Until(time) => row.time < *time,
            Self::Principal(who) => {
                is(row.who.pseudonym.as_deref(), who) || is(row.who.principal.as_deref(), who)
            }
            Self::Method(method) => is(row.what.method.as_deref(), method),
            Self::Item(item) => is(row.what.item.as_deref(), item),
            Self::Module(module) => is(row.what.module.as_deref(), module),
            Self::Family(family) => is(row.what.family.as_deref(), family),
            Self::Effect(effect) => is(row.decided.effect.as_deref(), effect),
            Self::Outcome(outcome) => is(found.outcome(), outcome),
            Self::Rule(rule) => row.decided.rules.contains(&clean(rule)),
            Self::Bundle(bundle) => is(row.decided.bundle.as_deref(), bundle),
            Self::Trace(trace) => is(row.context.trace.as_deref(), trace),
            Self::Kind(kind) => is(Some(&row.kind), kind),
        }
    }
}
