use ipnet::IpNet;
use mcpo2_core::{AuthMethod, PrincipalId, PrincipalKind, TenantId};

use super::{
    MAX_TEXT, Names,
    lists::{each, items},
};
use crate::{
    config::{
        AuthConfig, CallersConfig, ConditionsConfig, ItemsConfig, KindConfig, ModulesConfig,
        SituationConfig,
    },
    error::Fault,
    native::{
        condition::{Caller, Condition, Items, Moment, Owner},
        moment::Window,
        pattern::{NameGlob, PathGlob},
    },
};

/// The conditions, those that take least to ask first.
pub(super) fn compile(
    config: &ConditionsConfig,
    names: &Names<'_>,
) -> Result<Vec<Condition>, Fault> {
    let mut conditions = Vec::new();
    methods(&config.items, names, &mut conditions)?;
    addressed(&config.items, names, &mut conditions)?;
    callers(&config.callers, &mut conditions)?;
    modules(&config.modules, &mut conditions)?;
    situation(&config.situation, names, &mut conditions)?;
    arguments(&config.items, names, &mut conditions)?;
    Ok(conditions)
}

fn methods(config: &ItemsConfig, names: &Names<'_>, to: &mut Vec<Condition>) -> Result<(), Fault> {
    if let Some(globs) = &config.methods {
        let globs = each(globs, "methods", |glob| {
            NameGlob::new(glob, names.expressions)
        })?;
        to.push(Condition::Methods(globs));
    }
    Ok(())
}

fn addressed(
    config: &ItemsConfig,
    names: &Names<'_>,
    to: &mut Vec<Condition>,
) -> Result<(), Fault> {
    let ItemsConfig {
        tools,
        prompts,
        resources,
        ..
    } = config;
    if tools.is_none() && prompts.is_none() && resources.is_none() {
        return Ok(());
    }
    let globs = |globs: &Option<Vec<String>>, field| match globs {
        Some(globs) => each(globs, field, |glob| NameGlob::new(glob, names.expressions)),
        None => Ok(Vec::new()),
    };
    let resources = match resources {
        Some(globs) => each(globs, "resources", |glob| {
            PathGlob::for_resources(glob, names.expressions)
        })?,
        None => Vec::new(),
    };
    to.push(Condition::Items(Items {
        tools: globs(tools, "tools")?,
        prompts: globs(prompts, "prompts")?,
        resources,
    }));
    Ok(())
}

fn callers(config: &CallersConfig, to: &mut Vec<Condition>) -> Result<(), Fault> {
    let CallersConfig {
        tenants,
        roles,
        principals,
        projects,
        scopes,
        kinds,
        auth,
    } = config;
    let mut add = |caller| to.push(Condition::Caller(caller));
    if let Some(names) = tenants {
        let read = |name: &str| TenantId::new(name).map(|id| id.as_str().into());
        add(Caller::Tenants(each(names, "tenants", read)?));
    }
    if let Some(names) = roles {
        add(Caller::Roles(each(names, "roles", text)?));
    }
    if let Some(names) = principals {
        let read = |name: &str| PrincipalId::new(name).map(|id| id.as_str().into());
        add(Caller::Principals(each(names, "principals", read)?));
    }
    if let Some(names) = projects {
        add(Caller::Projects(each(names, "projects", text)?));
    }
    if let Some(names) = scopes {
        add(Caller::Scopes(each(names, "scopes", text)?));
    }
    if let Some(kinds) = kinds {
        add(Caller::Kinds(items(kinds, "kinds", |kind| {
            Ok(PrincipalKind::from(*kind))
        })?));
    }
    if let Some(methods) = auth {
        add(Caller::Auth(items(methods, "auth", |auth| {
            Ok(AuthMethod::from(*auth))
        })?));
    }
    Ok(())
}

fn modules(config: &ModulesConfig, to: &mut Vec<Condition>) -> Result<(), Fault> {
    let mut add = |owner| to.push(Condition::Module(owner));
    if let Some(families) = &config.families {
        add(Owner::Families(each(families, "families", str::parse)?));
    }
    if let Some(modules) = &config.modules {
        add(Owner::Modules(each(modules, "modules", str::parse)?));
    }
    if let Some(regions) = &config.regions {
        add(Owner::Regions(each(regions, "regions", str::parse)?));
    }
    match config.min_tier {
        Some(tier) if tier > 4 => return Err(Fault::new("min_tier", "is 0 to 4")),
        Some(tier) => add(Owner::MinTier(tier)),
        None => {}
    }
    Ok(())
}

fn situation(
    config: &SituationConfig,
    names: &Names<'_>,
    to: &mut Vec<Condition>,
) -> Result<(), Fault> {
    let mut add = |moment| to.push(Condition::Situation(moment));
    if let Some(environments) = &config.environments {
        add(Moment::Environments(each(
            environments,
            "environments",
            text,
        )?));
    }
    if let Some(networks) = &config.networks {
        add(Moment::Networks(each(networks, "networks", network)?));
    }
    if let Some(times) = &config.times {
        add(Moment::Times(items(times, "times", Window::compile)?));
    }
    if let Some(calendars) = &config.calendars {
        let read = |name: &str| match names.calendars.get(name) {
            Some(calendar) => Ok(calendar.clone()),
            None => Err(format!("`{name}` is no calendar of this bundle")),
        };
        add(Moment::Calendars(each(calendars, "calendars", read)?));
    }
    if let Some(seconds) = config.max_session_seconds {
        add(Moment::MaxSessionSeconds(seconds));
    }
    if let Some(bytes) = config.max_request_bytes {
        add(Moment::MaxRequestBytes(bytes));
    }
    Ok(())
}

fn arguments(
    config: &ItemsConfig,
    names: &Names<'_>,
    to: &mut Vec<Condition>,
) -> Result<(), Fault> {
    if let Some(arguments) = &config.arguments {
        let compiled = items(arguments, "arguments", |argument| {
            names.arguments.compile(argument, names.expressions)
        })?;
        to.extend(compiled.into_iter().map(Condition::Argument));
    }
    Ok(())
}

fn text(text: &str) -> Result<Box<str>, String> {
    match text.len() {
        1..=MAX_TEXT => Ok(text.into()),
        _ => Err(format!("has 1 to {MAX_TEXT} bytes")),
    }
}

/// A network, or one address. What stands behind its prefix would be ignored, so it must be zero.
fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>(),
    };
    match network {
        Ok(network) if network.network() == network.addr() => Ok(network),
        Ok(network) => Err(format!(
            "`{text}` is an address within `{}`",
            network.trunc()
        )),
        Err(_) => Err(format!("`{text}` is no network, such as `10.0.0.0/8`")),
    }
}

impl From<KindConfig> for PrincipalKind {
    fn from(kind: KindConfig) -> Self {
        match kind {
            KindConfig::User => Self::User,
            KindConfig::Agent => Self::Agent,
            KindConfig::Service => Self::Service,
            KindConfig::Anonymous => Self::Anonymous,
        }
    }
}

impl From<AuthConfig> for AuthMethod {
    fn from(auth: AuthConfig) -> Self {
        match auth {
            AuthConfig::None => Self::None,
            AuthConfig::ApiKey => Self::ApiKey,
            AuthConfig::Jwt => Self::Jwt,
            AuthConfig::Process => Self::Process,
            AuthConfig::Host => Self::Host,
        }
    }
}
