//! Single questions to the document, as expressions of Rego.

use serde_json::Value;

use crate::export::formula::{Atom, Caller, Fact, Target, auth_name, kind_name};

/// A text of Rego: it is one of JSON too.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

pub(super) fn atom(atom: &Atom) -> String {
    match atom {
        Atom::Method(parts) => name("input.action", parts),
        Atom::Caller(caller) => self::caller(caller),
        Atom::Target(target) => self::target(target),
        Atom::Intent(family) => format!("input.intent.family == {}", text(family)),
        Atom::Args(state) => format!("input.args_state == {}", text(state)),
        Atom::ListedOpen => r#"[input.context.listed, input.args_state] == [true, "open"]"#.into(),
        Atom::Fact(pointer, fact) => self::fact(pointer, fact),
    }
}

fn caller(caller: &Caller) -> String {
    let is = |member: &str, value: &str| format!("input.subject.{member} == {}", text(value));
    match caller {
        Caller::Tenant(name) => is("tenant", name),
        Caller::Role(name) => format!("{} in input.subject.roles", text(name)),
        Caller::Principal(id) => is("principal.id", id),
        Caller::Project(name) => is("project", name),
        Caller::Scope(name) => format!("{} in input.subject.scopes", text(name)),
        Caller::Kind(kind) => is("principal.kind", kind_name(*kind).unwrap_or_default()),
        Caller::Auth(auth) => is("auth.method", auth_name(*auth).unwrap_or_default()),
    }
}

fn target(target: &Target) -> String {
    let is = |member: &str, value: &str| format!("input.target.{member} == {}", text(value));
    match target {
        Target::Kind(kind) => is("kind", &kind.to_string()),
        Target::Name(parts) => name("input.target.name", parts),
        Target::Owner(owner) => is("owner", owner),
        Target::Family(family) => is("family", family),
        Target::Module(module) => is("module", module),
        Target::Region(region) => is("region", region),
        Target::HasRegion => "is_string(input.target.region)".into(),
        // Null is less than any number.
        Target::MinTier(tier) => format!("input.target.tier >= {tier}"),
    }
}

fn fact(pointer: &str, fact: &Fact) -> String {
    let at = format!("input.facts[{}]", text(pointer));
    let is = |member: &str, value: &str| format!("{at}.{member} == {}", text(value));
    match fact {
        Fact::Present => format!("is_string({at}.kind)"),
        Fact::Kind(kind) => is("kind", kind.as_str()),
        Fact::Text(value) => is("text", value),
        Fact::TextPrefix(prefix) => format!("startswith({at}.text, {})", text(prefix)),
        Fact::IsNumber => format!("is_string({at}.number)"),
        Fact::Number(value) => is("number", value),
        Fact::AtLeast(limit) => format!("{at}.floor >= {limit}"),
        Fact::AtMost(limit) => format!("{at}.ceil <= {limit}"),
        Fact::Has(place) => format!("is_string({at}.{})", place.as_str()),
        Fact::Equals(place, value) => is(place.as_str(), value),
        Fact::Begins(place, prefix) => {
            format!("startswith({at}.{}, {})", place.as_str(), text(prefix))
        }
        Fact::Anchor(anchor) => is("anchor", anchor.as_str()),
    }
}

/// That a name is these parts, with any text between them. A regular expression says so: the globs
/// of Rego read `{`, `[` and `?` as more.
fn name(member: &str, parts: &[Box<str>]) -> String {
    match parts {
        [whole] => format!("{member} == {}", text(whole)),
        [prefix, rest] if rest.is_empty() => format!("startswith({member}, {})", text(prefix)),
        [rest, suffix] if rest.is_empty() => format!("endswith({member}, {})", text(suffix)),
        parts => {
            let parts: Vec<String> = parts.iter().map(|part| literal(part)).collect();
            let pattern = format!("^(?s:{})$", parts.join(".*"));
            // `$` of RE2 is the end of the text, and not of a line.
            format!("regex.match({}, {member})", text(&pattern))
        }
    }
}

/// A text as a part of a regular expression.
fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
