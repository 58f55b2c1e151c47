use std::collections::{BTreeMap, HashMap};

use mcpo2_core::Effect;
use serde_json::{Value, json};

use super::{ExportError, Language, formula::Formula, lower::Lowered, lowered};
use crate::Config;

mod atom;

use self::atom::text;

/// The policy as a module of Rego, whose rule `data.mcpo2.policy.decision` decides.
///
/// It reads the document of an [`Input`](crate::Input). In a list, it also says what is shown.
///
/// ```
/// use mcpo2_policy::{Config, ExportError, export};
///
/// let config: Config = serde_json::from_str(
///     r#"{"rules": [{"id": "reads", "effect": "allow", "tools": ["*__get_*"]}]}"#,
/// )?;
/// assert!(export::rego(&config)?.starts_with("package mcpo2.policy\n"));
///
/// let config: Config = serde_json::from_str(
///     r#"{"rules": [{"id": "dev", "effect": "allow", "environments": ["dev"]}]}"#,
/// )?;
/// let error = export::rego(&config).unwrap_err();
/// assert!(error.to_string().starts_with("rule `dev`, `environments`: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ExportError`] where the policy does not compile, or a rule cannot be said exactly.
pub fn rego(config: &Config) -> Result<String, ExportError> {
    let rules = lowered(config, Language::Rego)?;
    let mut module = Module::default();
    for rule in &rules {
        module.rule(rule);
    }
    Ok(module.text(&rules))
}

const DECISION: &str = r#"decision := {"allow": false, "visible": shown} if input.context.listed

else := {"allow": false, "rules": denying, "reason": why(denying), "public_code": code} if {
	count(denying) > 0
	every id in denying { codes[id] }
	code := codes[min(denying)]
}

else := {"allow": false, "rules": denying, "reason": why(denying)} if count(denying) > 0

else := {"allow": true, "rules": asking, "reason": why(asking), "approve": approve} if {
	count(asking) > 0
	approve := [approvals[id] | some id in asking]
}

else := {"allow": true, "rules": allowing, "reason": why(allowing), "obligations": owed} if {
	count(allowing) > 0
	owed := [obligations[id] | some id in allowing]
}

shown := "denied" if count(denying) > 0

else := "depends_on_arguments" if count(allowing | asking) > 0

else := "denied"

why(ids) := concat("; ", [reasons[id] | some id in ids])

default denying := set()

default asking := set()

default allowing := set()
"#;

/// The rules and what they refer to.
#[derive(Default)]
struct Module {
    rules: Vec<String>,
    /// The names of conditions that have several bodies, or are denied.
    helpers: HashMap<String, String>,
    written: Vec<String>,
}

impl Module {
    fn rule(&mut self, rule: &Lowered) {
        let set = match rule.effect {
            Effect::Allow => "allowing",
            Effect::RequireApproval => "asking",
            Effect::Deny => "denying",
        };
        let body = self.body(&rule.when);
        self.rules
            .push(format!("{set} contains {} if {body}\n", text(&rule.id)));
    }

    fn text(self, rules: &[Lowered]) -> String {
        let of = |each: &dyn Fn(&Lowered) -> Option<Value>| {
            let each = rules
                .iter()
                .filter_map(|rule| Some((rule.id.to_string(), each(rule)?)));
            json!(each.collect::<BTreeMap<_, _>>()).to_string()
        };
        let objects = [
            ("obligations", of(&obligations)),
            ("approvals", of(&approval)),
            ("reasons", of(&|rule| Some(json!(rule.reason.as_ref()?)))),
            ("codes", of(&|rule| Some(json!(rule.public_code.as_ref()?)))),
        ];
        let objects = objects.map(|(name, object)| format!("{name} := {object}\n"));
        // A set that no rule makes would be none.
        let made = |name: &str| self.rules.iter().any(|rule| rule.starts_with(name));
        let decision =
            ["denying", "asking", "allowing"]
                .iter()
                .fold(DECISION.to_owned(), |decision, name| match made(name) {
                    true => decision.replace(&format!("\ndefault {name} := set()\n"), ""),
                    false => decision.replace(&format!("default {name} :="), &format!("{name} :=")),
                });
        let parts = [
            decision,
            objects.concat(),
            self.rules.join("\n"),
            self.written.join("\n"),
        ];
        format!("package mcpo2.policy\n\n{}", parts.join("\n"))
    }

    /// A body in which all of these hold.
    fn body(&mut self, all: &[Formula]) -> String {
        let mut lines = Vec::new();
        for formula in all {
            self.lines(formula, &mut lines);
        }
        match lines.is_empty() {
            true => "{\n\ttrue\n}".into(),
            false => format!("{{\n\t{}\n}}", lines.join("\n\t")),
        }
    }

    fn lines(&mut self, formula: &Formula, lines: &mut Vec<String>) {
        match formula {
            Formula::All(all) => all.iter().for_each(|one| self.lines(one, lines)),
            Formula::Any(any) => match any.as_slice() {
                [one] => self.lines(one, lines),
                any => lines.push(self.helper(any)),
            },
            Formula::Is(atom) => lines.push(self::atom::atom(atom)),
            Formula::Not(not) => lines.push(match &**not {
                Formula::Is(atom) => format!("not {}", self::atom::atom(atom)),
                other => format!("not {}", self.helper(std::slice::from_ref(other))),
            }),
        }
    }

    /// The name of what holds where any of these does.
    fn helper(&mut self, any: &[Formula]) -> String {
        let flat = any.iter().flat_map(|one| match one {
            Formula::Any(any) => any.as_slice(),
            other => std::slice::from_ref(other),
        });
        let bodies: Vec<String> = flat
            .map(|one| self.body(std::slice::from_ref(one)))
            .collect();
        let key = bodies.join("\n");
        if let Some(name) = self.helpers.get(&key) {
            return name.clone();
        }
        let name = format!("c{}", self.helpers.len());
        match bodies.is_empty() {
            // None holds.
            true => self.written.push(format!("{name} if {{\n\tfalse\n}}\n")),
            false => {
                let bodies = bodies.iter().map(|body| format!("{name} if {body}\n"));
                self.written.push(bodies.collect::<Vec<_>>().join("\n"));
            }
        }
        self.helpers.insert(key, name.clone());
        name
    }
}

fn obligations(rule: &Lowered) -> Option<Value> {
    if rule.effect != Effect::Allow {
        return None;
    }
    let owed = &rule.obligations;
    let mut all = serde_json::Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            all.insert(name.into(), value);
        }
    };
    put("preamble", json!(owed.preamble));
    put("max_result_bytes", json!(owed.max_result_bytes));
    put("rate_class", json!(owed.rate_classes.first()));
    put("log_level", json!(owed.log_level));
    put("durability", json!(owed.durability));
    put("regions", json!(owed.regions));
    if !owed.redact.is_empty() {
        put("redact", json!(owed.redact));
    }
    Some(Value::Object(all))
}

fn approval(rule: &Lowered) -> Option<Value> {
    let approval = rule.approval.as_ref()?;
    let mut all = json!({
        "group": approval.groups().next()?,
        "quorum": approval.quorum(),
        "not_requester": approval.excludes_requester(),
    });
    if let (Some(ttl), Some(all)) = (approval.ttl(), all.as_object_mut()) {
        all.insert("ttl_seconds".into(), json!(ttl.as_secs()));
    }
    Some(all)
}
