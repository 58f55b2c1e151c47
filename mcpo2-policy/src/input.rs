//! The input document: a [`Query`] as engines see it that are not written in Rust.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use mcpo2_core::{
    ApprovalState, AuthMethod, Family, ItemKind, ModuleId, PrincipalId, PrincipalKind, Region,
    TenantId,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    Query,
    query::{Arguments, Place},
};

mod fact;

pub use self::fact::{AnchorKind, ArgumentFact, FactKind};
pub(crate) use self::fact::{escaped, of_each};

/// The schema that [`Input`] is of.
pub const INPUT_SCHEMA: &str = "mcpo2.policy.input/v1";

/// What an engine decides on, as a document (`mcpo2.policy.input/v1`).
///
/// The README has a table of its members. What the platform does not know is null.
///
/// ```
/// use mcpo2_core::{AuthMethod, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::{Input, Query};
///
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let tool = Item::new(ItemKind::Tool, "files__read");
/// let query = Query::new(&Method::ToolsCall, Some(&tool), &ada)
///     .with_arguments(br#"{"path": "/srv/../etc/passwd"}"#);
/// let document = serde_json::to_value(Input::of(&query))?;
/// assert_eq!(document["schema"], "mcpo2.policy.input/v1");
/// assert_eq!(document["args"]["path"], "/srv/../etc/passwd");
/// assert_eq!(document["facts"]["/path"]["path"], "/etc/passwd");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Serialize)]
pub struct Input<'q> {
    schema: &'static str,
    subject: Subject<'q>,
    action: &'q str,
    target: Target<'q>,
    intent: Intent<'q>,
    args: Option<Cow<'q, RawValue>>,
    args_state: ArgsState,
    facts: BTreeMap<String, ArgumentFact<'q>>,
    context: Context<'q>,
}

#[derive(Debug, Serialize)]
struct Subject<'q> {
    tenant: &'q TenantId,
    principal: Caller<'q>,
    roles: Vec<&'q str>,
    scopes: Vec<&'q str>,
    project: Option<&'q str>,
    auth: Auth,
}

#[derive(Debug, Serialize)]
struct Caller<'q> {
    kind: PrincipalKind,
    id: &'q PrincipalId,
}

#[derive(Debug, Serialize)]
struct Auth {
    method: AuthMethod,
}

#[derive(Debug, Serialize)]
struct Target<'q> {
    kind: Option<ItemKind>,
    name: Option<&'q str>,
    owner: Owner,
    module: Option<&'q ModuleId>,
    family: Option<&'q Family>,
    region: Option<&'q Region>,
    tier: Option<u8>,
    state: Option<ApprovalState>,
}

/// What is known of whose the target is.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Owner {
    Module,
    Gateway,
    Unknown,
}

#[derive(Debug, Serialize)]
struct Intent<'q> {
    family: Option<&'q Family>,
}

/// How far the arguments are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ArgsState {
    Inapplicable,
    Open,
    Missing,
    Given,
    Unreadable,
}

#[derive(Debug, Serialize)]
struct Context<'q> {
    #[serde(serialize_with = "rfc3339")]
    time: Option<SystemTime>,
    environment: Option<&'q str>,
    source: Option<IpAddr>,
    session_seconds: Option<u64>,
    request_bytes: Option<u64>,
    listed: bool,
}

impl<'q> Input<'q> {
    /// The document of this query.
    #[must_use]
    pub fn of(query: &'q Query<'_>) -> Self {
        let (args_state, args, facts) = arguments(query);
        Self {
            schema: INPUT_SCHEMA,
            subject: subject(query),
            action: query.method().as_str(),
            target: target(query),
            intent: Intent {
                family: query.family(),
            },
            args,
            args_state,
            facts,
            context: context(query),
        }
    }
}

#[cfg(feature = "rego")]
impl Input<'_> {
    /// The same, asked for a list or for a call.
    pub(crate) fn listed(mut self, listed: bool) -> Self {
        self.context.listed = listed;
        self
    }
}

fn subject<'q>(query: &'q Query<'_>) -> Subject<'q> {
    let caller = query.principal();
    Subject {
        tenant: caller.tenant(),
        principal: Caller {
            kind: caller.kind(),
            id: caller.id(),
        },
        roles: caller.roles().collect(),
        scopes: caller.scopes().collect(),
        project: caller.project(),
        auth: Auth {
            method: caller.auth(),
        },
    }
}

fn target<'q>(query: &'q Query<'_>) -> Target<'q> {
    let (owner, facts) = match query.place() {
        Place::Module(facts) => (Owner::Module, Some(facts)),
        Place::Gateway => (Owner::Gateway, None),
        Place::Unknown => (Owner::Unknown, None),
    };
    Target {
        kind: query.item().map(|item| item.kind()),
        name: query.item().map(|item| item.name()),
        owner,
        module: facts.map(|facts| facts.module()),
        family: facts.map(|facts| facts.family()),
        region: facts.and_then(|facts| facts.region()),
        tier: facts.map(|facts| facts.tier()),
        state: facts.map(|facts| facts.state()),
    }
}

type Args<'q> = (
    ArgsState,
    Option<Cow<'q, RawValue>>,
    BTreeMap<String, ArgumentFact<'q>>,
);

fn arguments<'q>(query: &'q Query<'_>) -> Args<'q> {
    let state = match query.decoded() {
        Arguments::Inapplicable => ArgsState::Inapplicable,
        Arguments::Open => ArgsState::Open,
        Arguments::Missing => ArgsState::Missing,
        Arguments::Unreadable => ArgsState::Unreadable,
        Arguments::Given(node) => {
            let text = query.arguments().and_then(|json| {
                let text: &RawValue = serde_json::from_slice(json).ok()?;
                Some(Cow::Borrowed(text))
            });
            return match text {
                Some(text) => (ArgsState::Given, Some(text), of_each(node)),
                None => (ArgsState::Unreadable, None, BTreeMap::new()),
            };
        }
    };
    (state, None, BTreeMap::new())
}

fn context<'q>(query: &'q Query<'_>) -> Context<'q> {
    let situation = query.situation();
    Context {
        time: situation.time(),
        environment: situation.environment(),
        source: situation.source(),
        session_seconds: situation.session_age().as_ref().map(Duration::as_secs),
        request_bytes: situation.request_bytes(),
        listed: query.is_listed(),
    }
}

fn rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    // A moment that has no such text is as good as unknown.
    let time = time.and_then(|time| Timestamp::try_from(time).ok());
    time.map(|time| time.to_string()).serialize(serializer)
}
