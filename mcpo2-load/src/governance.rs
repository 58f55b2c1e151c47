//! What the gateway governs by where it is measured: a thousand rules, and something for each layer.

use serde_json::{Value, json};

/// How many rules the policy has.
const RULES: usize = 1_000;
/// How many tools some rule lets the caller see, `echo` among them.
pub(crate) const VISIBLE: usize = 100;
/// The module's id, which stands before its tools.
pub const MODULE: &str = "bench";

/// Sixty rules over two families, that read the name of the tool and the words of a task.
#[must_use]
pub fn classify() -> Value {
    let rules: Vec<Value> = (0..60)
        .map(|number| {
            let family = ["engineering", "security"].get(number % 2);
            json!({
                "id": format!("words-{number}"), "family": family, "weight": 10,
                "any": [format!("word{number}"), format!("phrase {number}"), format!("stem{number}*")],
            })
        })
        .collect();
    let needs = json!({ "min_score": 10, "min_margin": 5 });
    json!({ "families": { "engineering": needs, "security": needs }, "rules": rules })
}

/// One profile, announced in `_meta`, so that each call is edited.
#[must_use]
pub fn preamble() -> Value {
    json!({
        "profiles": [{ "id": "plain", "version": "1", "text": "Say what you did." }],
        "select": [{ "profile": "plain" }],
        "announce": [MODULE],
    })
}

/// A thousand rules and these, ten about each of a hundred tools, as a platform has them that grew:
/// by exact name, by glob, over arguments, roles, families and resources.
#[must_use]
pub fn policy(others: &[Value]) -> Value {
    let rules: Vec<Value> = (0..RULES).map(rule).chain(others.iter().cloned()).collect();
    json!({ "rules": rules })
}

fn rule(number: usize) -> Value {
    let tool = match number / 10 {
        0 => format!("{MODULE}__echo"),
        tool => format!("{MODULE}__tool_{tool:04}"),
    };
    let id = format!("rule-{number:04}");
    match number % 10 {
        0 => json!({ "id": id, "effect": "allow", "tools": [tool], "roles": ["caller"] }),
        1 => json!({
            "id": id, "effect": "allow", "tools": [tool], "families": ["engineering"], "min_tier": 2,
            "arguments": [{ "pointer": "/text", "prefix": "0123" }],
        }),
        2 => json!({
            "id": id, "effect": "deny", "tools": [tool], "reason": "no secrets",
            "arguments": [{ "pointer": "/text", "regex": ".*(password|secret).*" }],
        }),
        3 => json!({
            "id": id, "effect": "deny", "tools": [format!("{tool}*")],
            "arguments": [
                { "pointer": "/limit", "present": true }, { "pointer": "/limit", "at_least": 1_000 },
            ],
        }),
        4 => json!({ "id": id, "effect": "deny", "roles": [format!("guest-{number}")] }),
        5 => json!({
            "id": id, "effect": "require_approval", "tools": [tool], "tenants": ["other"],
            "approval": { "group": "owners" },
        }),
        6 => json!({ "id": id, "effect": "allow", "prompts": [format!("{MODULE}__p{number}_*")] }),
        7 => {
            json!({ "id": id, "effect": "allow", "resources": [format!("file:///srv/{number}/**")] })
        }
        8 => json!({
            "id": id, "effect": "deny", "tools": [format!("*__delete_{number}_*")],
            "reason": "nobody deletes",
        }),
        _ => json!({
            "id": id, "effect": "allow", "tools": [tool], "principals": [format!("caller-{:02}", number % 24)],
        }),
    }
}
