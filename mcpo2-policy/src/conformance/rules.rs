use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};

use super::{Broken, Sample, check, holds, samples};
use crate::{Config, Engine, Query, Visibility};

const RULES: &str = r#"{"rules": [
    {"id": "allowed", "effect": "allow", "tools": ["allowed"], "prompts": ["allowed"]},
    {"id": "by-path", "effect": "allow", "tools": ["by-path"], "min_tier": 1,
     "arguments": [{"pointer": "/path", "glob": "/srv/**"}]},
    {"id": "asks", "effect": "require_approval", "tools": ["asks"], "approval": {"group": "sre"}},
    {"id": "denied", "effect": "deny", "tools": ["denied"]},
    {"id": "no-n", "effect": "deny", "tools": ["by-path"],
     "arguments": [{"pointer": "/n", "at_most": -1}, {"pointer": "/n", "present": true}]}
]}"#;

const ALL: &str = r#"{"rules": [{"id": "all", "effect": "allow"}]}"#;

/// Whether the engines that `build` makes of policies keep what engines promise, and do what these
/// policies say.
///
/// # Errors
///
/// The first promise that is [`Broken`].
pub fn check_rules<E: Engine>(build: impl Fn(&Config) -> E) -> Result<(), Broken> {
    let samples = samples();
    let of = |text| {
        let config: Config = serde_json::from_str(text)
            .map_err(|error| Broken::new("the rules of the suite are read", error))?;
        Ok::<_, Broken>(build(&config))
    };
    let (none, all, rules) = (of("{}")?, of(ALL)?, of(RULES)?);
    for engine in [&none, &all, &rules] {
        check(engine, &samples)?;
        passes_the_protocol(engine)?;
        denies_unknown_methods(engine)?;
        denies_what_has_no_reading(engine)?;
    }
    denies_by_default(&none, &samples)?;
    decides_by_rule(&rules, &samples)?;
    let differ = none.digest() != rules.digest() && all.digest() != rules.digest();
    holds(differ, "other rules have another digest", rules.digest())?;
    holds(
        of(RULES)?.digest() == rules.digest(),
        "the same rules have the same digest",
        (),
    )
}

fn caller() -> Result<Principal, Broken> {
    let name = |error| Broken::new("the names of the suite have their form", error);
    let tenant = "acme".parse().map_err(name)?;
    let id = "ada".parse().map_err(name)?;
    Ok(Principal::new(tenant, id, AuthMethod::Host))
}

fn passes_the_protocol(engine: &impl Engine) -> Result<(), Broken> {
    let caller = caller()?;
    for method in [
        Method::Initialize,
        Method::Ping,
        Method::ToolsList,
        Method::Cancelled,
    ] {
        let effect = engine
            .decide(&Query::new(&method, None, &caller))
            .decided()
            .effect;
        holds(
            effect == Effect::Allow,
            "the methods of the protocol pass",
            method,
        )?;
    }
    Ok(())
}

fn denies_unknown_methods(engine: &impl Engine) -> Result<(), Broken> {
    let (caller, method) = (caller()?, Method::from("vendor/unheard-of"));
    let effect = engine
        .decide(&Query::new(&method, None, &caller))
        .decided()
        .effect;
    holds(
        effect == Effect::Deny,
        "a method that nobody knows is denied",
        method,
    )
}

fn denies_what_has_no_reading(engine: &impl Engine) -> Result<(), Broken> {
    let caller = caller()?;
    let item = Item::new(ItemKind::Resource, "file:///../etc");
    let query = Query::new(&Method::ResourcesRead, Some(&item), &caller);
    let denied = engine.decide(&query).decided().effect == Effect::Deny;
    holds(
        denied,
        "a resource whose uri has no single reading is denied",
        &item,
    )?;
    let hidden = engine.visible(&Query::listed(&item, &caller)) == Visibility::Denied;
    holds(
        hidden,
        "a resource whose uri has no single reading is hidden",
        &item,
    )
}

fn denies_by_default(engine: &impl Engine, samples: &[Sample]) -> Result<(), Broken> {
    for sample in samples {
        let effect = engine.decide(&sample.query()).decided().effect;
        holds(
            effect == Effect::Deny,
            "what no rule allows is denied",
            sample,
        )?;
    }
    Ok(())
}

fn decides_by_rule(engine: &impl Engine, samples: &[Sample]) -> Result<(), Broken> {
    for sample in samples {
        let query = sample.query();
        let (kind, name) = (sample.item().kind(), sample.item().name());
        let arguments = query.arguments().unwrap_or_default();
        let expected = match (kind, name) {
            (ItemKind::Tool | ItemKind::Prompt, "allowed") => Effect::Allow,
            (ItemKind::Tool, "asks") => Effect::RequireApproval,
            // The one in which the path is below `/srv` and the number is not too small.
            (ItemKind::Tool, "by-path")
                if query.facts().is_some()
                    && arguments.starts_with(br#"{"path":"/srv/x","n":5"#) =>
            {
                Effect::Allow
            }
            _ => Effect::Deny,
        };
        let effect = engine.decide(&query).decided().effect;
        holds(
            effect == expected,
            "rules decide as they are written",
            (effect, sample),
        )?;
    }
    Ok(())
}
