use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use mcpo2_core::{
    AuthMethod, Effect, Facts, Family, ItemKind, ModuleId, Principal, PrincipalKind, Region,
};

use super::{
    Matched, Truth,
    argument::ArgumentCondition,
    moment::{Calendar, Window},
    pattern::{NameGlob, PathGlob},
};
use crate::query::{Place, Query, Resource};

/// One condition of a rule.
#[derive(Debug)]
pub(crate) enum Condition {
    /// The method is one of these.
    Methods(Vec<NameGlob>),
    /// The method addresses something: what a rule without `methods` is about.
    Addressing,
    /// What is addressed is one of these.
    Items(Items),
    Caller(Caller),
    Module(Owner),
    Situation(Moment),
    Argument(Arc<ArgumentCondition>),
    /// None of these holds.
    Unless(Vec<Vec<Condition>>),
}

/// Who calls. It is known always.
#[derive(Debug)]
pub(crate) enum Caller {
    Tenants(Vec<Box<str>>),
    Roles(Vec<Box<str>>),
    Principals(Vec<Box<str>>),
    Projects(Vec<Box<str>>),
    Scopes(Vec<Box<str>>),
    Kinds(Vec<PrincipalKind>),
    Auth(Vec<AuthMethod>),
}

/// Where what is addressed lives.
#[derive(Debug)]
pub(crate) enum Owner {
    Families(Vec<Family>),
    /// The same where the guess of the classifier does not count, as in an exception.
    OwnFamilies(Vec<Family>),
    Modules(Vec<ModuleId>),
    Regions(Vec<Region>),
    MinTier(u8),
}

/// When and from where.
#[derive(Debug)]
pub(crate) enum Moment {
    Environments(Vec<Box<str>>),
    Networks(Vec<IpNet>),
    Times(Vec<Window>),
    Calendars(Vec<Calendar>),
    MaxSessionSeconds(u64),
    MaxRequestBytes(u64),
}

/// The items that a rule is about; none of a kind means that it is about none of that kind.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) tools: Vec<NameGlob>,
    pub(crate) prompts: Vec<NameGlob>,
    pub(crate) resources: Vec<PathGlob>,
}

impl Condition {
    /// The field of the configuration that it comes from.
    pub(crate) fn field(&self) -> String {
        let field = match self {
            Self::Methods(_) | Self::Addressing => "methods",
            Self::Items(_) => "tools, prompts, resources",
            Self::Caller(caller) => caller.field(),
            Self::Module(owner) => owner.field(),
            Self::Situation(moment) => moment.field(),
            Self::Argument(argument) => return format!("arguments {}", argument.pointer()),
            Self::Unless(_) => "unless",
        };
        field.into()
    }

    /// Whether the index settles it for every rule that it finds, but for the URIs of resources.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::Methods(_)
            | Self::Addressing
            | Self::Items(_)
            | Self::Caller(_)
            | Self::Module(_) => true,
            Self::Situation(_) | Self::Argument(_) | Self::Unless(_) => false,
        }
    }

    pub(crate) fn matched(&self, query: &Query<'_>, effect: Effect) -> Matched {
        self.holds(query).for_effect(effect)
    }

    pub(crate) fn holds(&self, query: &Query<'_>) -> Truth {
        match self {
            Self::Methods(globs) => {
                let name = query.method().as_str();
                Truth::of(globs.iter().any(|glob| glob.matches(name)))
            }
            Self::Addressing => Truth::of(query.addresses()),
            Self::Items(items) => items.hold(query),
            Self::Caller(caller) => Truth::of(caller.holds(query.principal())),
            Self::Module(owner) => owner.holds(query),
            Self::Situation(moment) => moment.holds(query),
            Self::Argument(argument) => argument.holds(query),
            Self::Unless(exceptions) => Truth::any(exceptions.iter().map(|exception| {
                Truth::all(exception.iter().map(|condition| condition.holds(query)))
            }))
            .not(),
        }
    }
}

impl Caller {
    fn field(&self) -> &'static str {
        match self {
            Self::Tenants(_) => "tenants",
            Self::Roles(_) => "roles",
            Self::Principals(_) => "principals",
            Self::Projects(_) => "projects",
            Self::Scopes(_) => "scopes",
            Self::Kinds(_) => "kinds",
            Self::Auth(_) => "auth",
        }
    }

    fn holds(&self, caller: &Principal) -> bool {
        let any = |names: &[Box<str>], is: &dyn Fn(&str) -> bool| names.iter().any(|name| is(name));
        match self {
            Self::Tenants(names) => any(names, &|name| caller.tenant().as_str() == name),
            Self::Roles(names) => any(names, &|name| caller.has_role(name)),
            Self::Principals(names) => any(names, &|name| caller.id().as_str() == name),
            Self::Projects(names) => any(names, &|name| caller.project() == Some(name)),
            Self::Scopes(names) => any(names, &|name| caller.has_scope(name)),
            Self::Kinds(kinds) => kinds.contains(&caller.kind()),
            Self::Auth(methods) => methods.contains(&caller.auth()),
        }
    }
}

impl Owner {
    fn field(&self) -> &'static str {
        match self {
            Self::Families(_) | Self::OwnFamilies(_) => "families",
            Self::Modules(_) => "modules",
            Self::Regions(_) => "regions",
            Self::MinTier(_) => "min_tier",
        }
    }

    fn holds(&self, query: &Query<'_>) -> Truth {
        match self {
            Self::Families(families) => family(query, families),
            Self::OwnFamilies(families) => own_family(query, families),
            Self::Modules(ids) => owner(query, |facts| Truth::of(ids.contains(facts.module()))),
            Self::Regions(regions) => owner(query, |facts| {
                let region = facts.region();
                region.map_or(Truth::Unknown, |region| Truth::of(regions.contains(region)))
            }),
            Self::MinTier(tier) => owner(query, |facts| Truth::of(facts.tier() >= *tier)),
        }
    }
}

impl Moment {
    fn field(&self) -> &'static str {
        match self {
            Self::Environments(_) => "environments",
            Self::Networks(_) => "networks",
            Self::Times(_) => "times",
            Self::Calendars(_) => "calendars",
            Self::MaxSessionSeconds(_) => "max_session_seconds",
            Self::MaxRequestBytes(_) => "max_request_bytes",
        }
    }

    /// Of what the platform does not know it is unknown.
    pub(crate) fn holds(&self, query: &Query<'_>) -> Truth {
        let situation = query.situation();
        let known = match self {
            Self::Environments(names) => situation
                .environment()
                .map(|is| Truth::of(names.iter().any(|name| **name == *is))),
            Self::Networks(networks) => situation.source().map(|from| within(networks, from)),
            Self::Times(windows) => situation
                .time()
                .map(|now| Truth::any(windows.iter().map(|window| window.holds(now)))),
            Self::Calendars(calendars) => situation
                .time()
                .map(|now| Truth::any(calendars.iter().map(|calendar| calendar.holds(now)))),
            Self::MaxSessionSeconds(limit) => situation
                .session_age()
                .map(|age| Truth::of(age.as_secs() < *limit)),
            // A list says nothing of the request that will be.
            Self::MaxRequestBytes(_) if query.is_listed() => Some(Truth::Open),
            Self::MaxRequestBytes(limit) => situation
                .request_bytes()
                .map(|bytes| Truth::of(bytes <= *limit)),
        };
        known.unwrap_or(Truth::Unknown)
    }
}

fn within(networks: &[IpNet], from: IpAddr) -> Truth {
    Truth::of(networks.iter().any(|network| network.contains(&from)))
}

impl Items {
    fn hold(&self, query: &Query<'_>) -> Truth {
        let Some(item) = query.item() else {
            return Truth::False;
        };
        let named = |globs: &[NameGlob]| Truth::of(globs.iter().any(|g| g.matches(item.name())));
        match item.kind() {
            ItemKind::Tool => named(&self.tools),
            ItemKind::Prompt => named(&self.prompts),
            ItemKind::Resource | ItemKind::Template => self.resource(query),
            _ => Truth::False,
        }
    }

    fn resource(&self, query: &Query<'_>) -> Truth {
        if self.resources.is_empty() {
            return Truth::False;
        }
        let globs = self.resources.iter();
        match query.resource() {
            Resource::Uri(located) => Truth::any(globs.map(|glob| glob.matches(located))),
            Resource::Template(template) => {
                Truth::any(globs.map(|glob| glob.matches_template(template)))
            }
            Resource::Unreadable => Truth::Unknown,
        }
    }
}

fn owner(query: &Query<'_>, holds: impl FnOnce(&Facts) -> Truth) -> Truth {
    match query.place() {
        Place::Module(facts) => holds(facts),
        Place::Gateway => Truth::False,
        Place::Unknown => Truth::Unknown,
    }
}

/// The family of the module, or else what the classifier found. The latter rests on what callers
/// write, so that it may fulfil a condition but never exempts from one.
fn family(query: &Query<'_>, families: &[Family]) -> Truth {
    match (query.place(), query.family()) {
        (Place::Unknown, Some(family)) if families.contains(family) => Truth::True,
        _ => own_family(query, families),
    }
}

fn own_family(query: &Query<'_>, families: &[Family]) -> Truth {
    owner(query, |facts| Truth::of(families.contains(facts.family())))
}
