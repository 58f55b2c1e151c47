use mcpo2_core::{Effect, Facts, Family, ItemKind, ModuleId, Principal, Region};

use super::{
    Matched, Truth,
    argument::ArgumentCondition,
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
    Tenants(Vec<Box<str>>),
    Roles(Vec<Box<str>>),
    Principals(Vec<Box<str>>),
    Families(Vec<Family>),
    Modules(Vec<ModuleId>),
    Regions(Vec<Region>),
    MinTier(u8),
    Argument(ArgumentCondition),
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
        match self {
            Self::Methods(_) | Self::Addressing => "methods".into(),
            Self::Items(_) => "tools, prompts, resources".into(),
            Self::Tenants(_) => "tenants".into(),
            Self::Roles(_) => "roles".into(),
            Self::Principals(_) => "principals".into(),
            Self::Families(_) => "families".into(),
            Self::Modules(_) => "modules".into(),
            Self::Regions(_) => "regions".into(),
            Self::MinTier(_) => "min_tier".into(),
            Self::Argument(argument) => format!("arguments {}", argument.pointer()),
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
            Self::Tenants(names) => caller(query, names, |p, name| p.tenant().as_str() == name),
            Self::Roles(names) => caller(query, names, Principal::has_role),
            Self::Principals(names) => caller(query, names, |p, name| p.id().as_str() == name),
            Self::Families(families) => family(query, families),
            Self::Modules(modules) => {
                module(query, |facts| Truth::of(modules.contains(facts.module())))
            }
            Self::Regions(regions) => module(query, |facts| {
                let region = facts.region();
                region.map_or(Truth::Unknown, |region| Truth::of(regions.contains(region)))
            }),
            Self::MinTier(tier) => module(query, |facts| Truth::of(facts.tier() >= *tier)),
            Self::Argument(argument) => argument.holds(query),
        }
    }
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

fn caller(query: &Query<'_>, names: &[Box<str>], is: impl Fn(&Principal, &str) -> bool) -> Truth {
    Truth::of(names.iter().any(|name| is(query.principal(), name)))
}

fn module(query: &Query<'_>, holds: impl FnOnce(&Facts) -> Truth) -> Truth {
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
        _ => module(query, |facts| Truth::of(families.contains(facts.family()))),
    }
}
