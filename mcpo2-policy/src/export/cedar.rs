use std::fmt::Write;

use mcpo2_core::Effect;

use super::{
    ExportError, Language,
    formula::{Atom, Caller, Fact, Formula, Target, auth_name, kind_name},
    lower::Lowered,
    lowered,
};
use crate::Config;

/// The policy as policies of Cedar, over the schema of `CedarSchema`: `allow` is a `permit`,
/// `require_approval` a `permit` with `@approve`, and `deny` a `forbid`.
///
/// ```
/// use mcpo2_policy::{Config, export};
///
/// let config: Config = serde_json::from_str(
///     r#"{"rules": [{"id": "reads", "effect": "allow", "tools": ["*__get_*"]}]}"#,
/// )?;
/// assert!(export::cedar(&config)?.contains(r#"resource.name like "*__get_*""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ExportError`] where the policy does not compile, or a rule cannot be said exactly.
pub fn cedar(config: &Config) -> Result<String, ExportError> {
    let mut text = String::new();
    for rule in lowered(config, Language::Cedar)? {
        policy(&rule, &mut text)?;
    }
    Ok(text)
}

fn policy(rule: &Lowered, to: &mut String) -> Result<(), ExportError> {
    let annotations = annotations(rule).map_err(|(field, problem)| ExportError::Inexact {
        rule: rule.id.clone(),
        field: field.into(),
        problem: problem.into(),
    })?;
    for (name, value) in annotations {
        // Writing to a text does not fail.
        let _ = writeln!(to, "@{name}({})", text(&value));
    }
    let effect = match rule.effect {
        Effect::Allow | Effect::RequireApproval => "permit",
        Effect::Deny => "forbid",
    };
    let _ = write!(to, "{effect} (principal, action, resource)");
    for formula in &rule.when {
        let _ = write!(to, "\nwhen {{ {} }}", self::formula(formula));
    }
    to.push_str(";\n\n");
    Ok(())
}

type Annotation = (&'static str, String);

fn annotations(rule: &Lowered) -> Result<Vec<Annotation>, (&'static str, &'static str)> {
    let mut all = vec![("id", rule.id.to_string())];
    if let Some(approval) = &rule.approval {
        let groups: Vec<&str> = approval.groups().collect();
        all.push((
            "approve",
            format!("{}:{}", groups.concat(), approval.quorum()),
        ));
        if let Some(ttl) = approval.ttl() {
            all.push(("approve_ttl", ttl.as_secs().to_string()));
        }
        if approval.excludes_requester() {
            all.push(("approve_by", "another".into()));
        }
    }
    let owed = obligations(rule);
    if owed
        .iter()
        .any(|(_, value)| value.contains(char::is_whitespace))
    {
        return Err(("obligations", "a name with a space cannot be said exactly"));
    }
    if !owed.is_empty() {
        let owed = owed.iter().map(|(name, value)| format!("{name}:{value}"));
        all.push(("oblige", owed.collect::<Vec<_>>().join(" ")));
    }
    all.extend(
        rule.reason
            .iter()
            .map(|reason| ("reason", reason.to_string())),
    );
    all.extend(
        rule.public_code
            .iter()
            .map(|code| ("public_code", code.to_string())),
    );
    Ok(all)
}

fn obligations(rule: &Lowered) -> Vec<Annotation> {
    let owed = &rule.obligations;
    let mut all: Vec<Annotation> = Vec::new();
    all.extend(owed.preamble.iter().map(|id| ("preamble", id.to_string())));
    let bytes = owed.max_result_bytes.iter();
    all.extend(bytes.map(|bytes| ("max_result_bytes", bytes.to_string())));
    all.extend(owed.redact.iter().map(|name| ("redact", name.to_string())));
    all.extend(
        owed.rate_classes
            .iter()
            .map(|name| ("rate_class", name.to_string())),
    );
    let level = owed
        .log_level
        .and_then(|level| serde_json::to_value(level).ok());
    all.extend(
        level
            .iter()
            .filter_map(|level| Some(("log_level", level.as_str()?.to_owned()))),
    );
    let durability = owed
        .durability
        .and_then(|durability| serde_json::to_value(durability).ok());
    all.extend(
        durability
            .iter()
            .filter_map(|it| Some(("durability", it.as_str()?.to_owned()))),
    );
    let regions = owed.regions.iter().flatten();
    all.extend(regions.map(|region| ("regions", region.to_string())));
    all
}

/// A text of Cedar, which escapes as Rust does.
pub(crate) fn text(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// A pattern of these parts, with any text between them.
fn pattern(parts: &[Box<str>]) -> String {
    let parts = parts.iter().map(|part| part.escape_debug().to_string());
    let parts: Vec<String> = parts.map(|part| part.replace('*', "\\*")).collect();
    format!("\"{}\"", parts.join("*"))
}

fn formula(of: &Formula) -> String {
    let joined = |each: &[Formula], with: &str, none: &str| match each {
        [] => none.to_owned(),
        [one] => formula(one),
        each => {
            let each: Vec<String> = each.iter().map(formula).collect();
            format!("({})", each.join(with))
        }
    };
    match of {
        Formula::All(all) => joined(all, " && ", "true"),
        Formula::Any(any) => joined(any, " || ", "false"),
        Formula::Not(not) => format!("!({})", formula(not)),
        Formula::Is(atom) => self::atom(atom),
    }
}

fn atom(atom: &Atom) -> String {
    match atom {
        Atom::Method(parts) => format!("action in Mcpo2::Action::{}", text(&parts.concat())),
        Atom::Caller(caller) => self::caller(caller),
        Atom::Target(target) => self::target(target),
        Atom::Intent(family) => optional("context", "intent", &format!("== {}", text(family))),
        Atom::Args(state) => format!("context.argsState == {}", text(state)),
        Atom::ListedOpen => "false".into(),
        Atom::Fact(pointer, fact) => self::fact(pointer, fact),
    }
}

/// That a member is there, and so.
fn optional(of: &str, member: &str, is: &str) -> String {
    format!("({of} has {member} && {of}.{member} {is})")
}

fn caller(caller: &Caller) -> String {
    match caller {
        Caller::Tenant(name) => format!("principal.tenant == {}", text(name)),
        Caller::Role(name) => format!("principal.roles.contains({})", text(name)),
        Caller::Principal(id) => format!("principal.id == {}", text(id)),
        Caller::Project(name) => optional("principal", "project", &format!("== {}", text(name))),
        Caller::Scope(name) => format!("principal.scopes.contains({})", text(name)),
        Caller::Kind(kind) => {
            format!(
                "principal.kind == {}",
                text(kind_name(*kind).unwrap_or_default())
            )
        }
        Caller::Auth(auth) => {
            format!(
                "principal.auth == {}",
                text(auth_name(*auth).unwrap_or_default())
            )
        }
    }
}

fn target(target: &Target) -> String {
    let is =
        |member: &str, value: &str| optional("resource", member, &format!("== {}", text(value)));
    match target {
        Target::Kind(kind) => is("kind", &kind.to_string()),
        Target::Name(parts) => match parts.as_slice() {
            [whole] => format!("resource.name == {}", text(whole)),
            parts => format!("resource.name like {}", pattern(parts)),
        },
        Target::Owner(owner) => format!("resource.owner == {}", text(owner)),
        Target::Family(family) => is("family", family),
        Target::Module(module) => is("module", module),
        Target::Region(region) => is("region", region),
        Target::HasRegion => "resource has region".into(),
        Target::MinTier(tier) => optional("resource", "tier", &format!(">= {tier}")),
    }
}

fn fact(pointer: &str, fact: &Fact) -> String {
    let pointer = text(pointer);
    let there = format!("context.arguments.hasTag({pointer})");
    let at = format!("context.arguments.getTag({pointer})");
    let and = |test: String| format!("({there} && {test})");
    let is = |member: &str, value: &str| and(optional(&at, member, &format!("== {}", text(value))));
    let like = |member: &str, prefix: &str| {
        let pattern = pattern(&[prefix.into(), "".into()]);
        and(optional(&at, member, &format!("like {pattern}")))
    };
    match fact {
        Fact::Present => there,
        Fact::Kind(kind) => and(format!("{at}.kind == {}", text(kind.as_str()))),
        Fact::Text(value) => is("text", value),
        Fact::TextPrefix(prefix) => like("text", prefix),
        Fact::IsNumber => and(format!("{at} has number")),
        Fact::Number(value) => is("number", value),
        Fact::AtLeast(limit) => and(optional(&at, "floor", &format!(">= {limit}"))),
        Fact::AtMost(limit) => and(optional(&at, "ceil", &format!("<= {limit}"))),
        Fact::Has(place) => and(format!("{at} has {}", place.as_str())),
        Fact::Equals(place, value) => is(place.as_str(), value),
        Fact::Begins(place, prefix) => like(place.as_str(), prefix),
        Fact::Anchor(anchor) => is("anchor", anchor.as_str()),
    }
}
