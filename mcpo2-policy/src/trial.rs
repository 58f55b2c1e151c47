//! Runs the tests of a policy.

use std::{
    fmt::Display,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use mcpo2_core::{Effect, Facts, Item, ItemKind, Method, Principal};

use crate::{
    AuthConfig, Engine, GivenCaller, GivenConfig, GivenModule, GivenSituation, KindConfig, Query,
    Situation, TestConfig,
};

/// A request of which a test tells, ready to be asked about.
#[derive(Debug)]
pub struct Given {
    method: Method,
    item: Option<Item>,
    principal: Principal,
    facts: Option<Arc<Facts>>,
    situation: Situation,
    arguments: Option<Vec<u8>>,
}

impl TestConfig {
    /// Whether the engine does what is expected, or how it does otherwise.
    ///
    /// # Errors
    ///
    /// What is wrong with the request, or what was decided instead, in words.
    pub fn run(&self, engine: &(impl Engine + ?Sized)) -> Result<(), String> {
        let name = &self.name;
        let given = Given::try_from(&self.given).map_err(|e| format!("`{name}`: {e}"))?;
        let verdict = engine.decide(&given.query());
        let decided = verdict.decided();
        let mut rules: Vec<&str> = decided.rules.iter().map(AsRef::as_ref).collect();
        rules.sort_unstable();
        let listed = match rules.is_empty() {
            true => "no rule".to_owned(),
            false => format!("`{}`", rules.join("`, `")),
        };
        let expected = Effect::from(self.expect);
        if decided.effect != expected {
            let (is, expected) = (word(decided.effect), word(expected));
            return Err(format!(
                "`{name}`: it is {is} by {listed}, and not {expected}"
            ));
        }
        let Some(by) = &self.by else {
            return Ok(());
        };
        let mut by: Vec<&str> = by.iter().map(String::as_str).collect();
        by.sort_unstable();
        match by == rules {
            true => Ok(()),
            false => Err(format!(
                "`{name}`: it is so by {listed}, and not by `{}`",
                by.join("`, `")
            )),
        }
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allowed",
        Effect::RequireApproval => "asked to be approved",
        Effect::Deny => "denied",
    }
}

impl Given {
    /// The request.
    #[must_use]
    pub fn query(&self) -> Query<'_> {
        let query = Query::new(&self.method, self.item.as_ref(), &self.principal)
            .with_facts(self.facts.clone())
            .with_situation(&self.situation);
        match &self.arguments {
            Some(arguments) => query.with_arguments(arguments),
            None => query,
        }
    }
}

impl TryFrom<&GivenConfig> for Given {
    type Error = String;

    fn try_from(given: &GivenConfig) -> Result<Self, String> {
        let (item, method) = item(given)?;
        let method = given.method.as_deref().map(Method::from).or(method);
        let arguments = given.arguments.as_ref().map(serde_json::to_vec).transpose();
        Ok(Self {
            method: method.ok_or("`given` has neither a method nor what is addressed")?,
            item,
            principal: principal(&given.caller)?,
            facts: given.module.as_ref().map(facts).transpose()?.map(Arc::new),
            situation: situation(&given.situation)?,
            arguments: arguments.map_err(|error| error.to_string())?,
        })
    }
}

fn item(given: &GivenConfig) -> Result<(Option<Item>, Option<Method>), String> {
    let kinds = [
        (&given.tool, ItemKind::Tool, Method::ToolsCall),
        (&given.prompt, ItemKind::Prompt, Method::PromptsGet),
        (&given.resource, ItemKind::Resource, Method::ResourcesRead),
    ];
    let mut named = kinds.into_iter().filter_map(|(name, kind, method)| {
        let name = name.as_deref()?;
        Some((Item::new(kind, name), method))
    });
    match (named.next(), named.next()) {
        (_, Some(_)) => Err("`given` has more than one of `tool`, `prompt` and `resource`".into()),
        (Some((item, method)), None) => Ok((Some(item), Some(method))),
        (None, None) => Ok((None, None)),
    }
}

impl TryFrom<&GivenCaller> for Principal {
    type Error = String;

    fn try_from(given: &GivenCaller) -> Result<Self, String> {
        principal(given)
    }
}

impl TryFrom<&GivenModule> for Facts {
    type Error = String;

    fn try_from(given: &GivenModule) -> Result<Self, String> {
        facts(given)
    }
}

fn principal(given: &GivenCaller) -> Result<Principal, String> {
    let tenant = named(given.tenant.as_deref().unwrap_or("test"))?;
    let id = named(given.principal.as_deref().unwrap_or("test"))?;
    let auth = given.auth.unwrap_or(AuthConfig::Host).into();
    let kind = given.kind.unwrap_or(KindConfig::User).into();
    let principal = Principal::new(tenant, id, auth)
        .with_kind(kind)
        .with_roles(given.roles.iter().map(String::as_str))
        .with_scopes(given.scopes.iter().map(String::as_str));
    Ok(match &given.project {
        Some(project) => principal.with_project(project.as_str()),
        None => principal,
    })
}

fn facts(given: &GivenModule) -> Result<Facts, String> {
    let id = named(given.id.as_deref().unwrap_or("test"))?;
    let facts = Facts::new(id, named(&given.family)?).with_tier(given.tier);
    Ok(match &given.region {
        Some(region) => facts.with_region(named(region)?),
        None => facts,
    })
}

fn situation(given: &GivenSituation) -> Result<Situation, String> {
    let mut situation = Situation::default();
    if let Some(time) = &given.time {
        let time: Timestamp = named(time)?;
        situation = situation.at(SystemTime::from(time));
    }
    if let Some(environment) = &given.environment {
        situation = situation.in_environment(environment.as_str());
    }
    if let Some(source) = &given.source {
        situation = situation.from_source(named::<IpAddr>(source)?);
    }
    if let Some(seconds) = given.session_seconds {
        situation = situation.in_session_of(Duration::from_secs(seconds));
    }
    if let Some(bytes) = given.request_bytes {
        situation = situation.with_request_bytes(bytes);
    }
    Ok(situation)
}

fn named<T: std::str::FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}
