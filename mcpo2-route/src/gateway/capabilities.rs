//! What the gateway says that it can do.

use std::collections::BTreeMap;

use mcpo2_core::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::links::Said;

const TASKS: &str = "io.modelcontextprotocol/tasks";

#[derive(Deserialize)]
struct Server<'a> {
    #[serde(borrow)]
    capabilities: &'a RawValue,
}

/// What the only module can do, to the letter where it speaks the caller's era, and what the
/// gateway itself adds.
pub(super) fn of_one(said: &[Said], caller: ProtocolVersion, own: &str) -> String {
    let of = |said: &Said| {
        let server: Server<'_> = serde_json::from_slice(&said.server).ok()?;
        let same_era = said.version.is_stateless() == caller.is_stateless();
        Some(if same_era {
            server.capabilities.get().to_owned()
        } else {
            bare(server.capabilities)
        })
    };
    let mut all: Vec<String> = said.iter().filter_map(of).collect();
    if all.len() == 1 && own == "{}" {
        return all.swap_remove(0);
    }
    all.push(own.to_owned());
    let mut union = Map::new();
    for one in &all {
        if let Ok(Value::Object(one)) = serde_json::from_str(one) {
            merge(&mut union, one);
        }
    }
    Value::Object(union).to_string()
}

/// What of several modules' capabilities the gateway relays: what it does not know how to route
/// is not offered, whichever module can do it.
///
/// That lists change is the gateway's own to tell, since what a caller sees depends on its policy
/// too.
pub(super) fn of_several(said: &[Said], caller: ProtocolVersion, own: &str) -> String {
    let mut union: Map<String, Value> = serde_json::from_str(own).unwrap_or_default();
    for one in said {
        let Ok(server) = serde_json::from_slice::<Value>(&one.server) else {
            continue;
        };
        let same_era = one.version.is_stateless() == caller.is_stateless();
        if let Some(capabilities) = server.get("capabilities") {
            merge(&mut union, relayed(capabilities, same_era));
        }
    }
    for list in ["tools", "prompts", "resources"] {
        if let Some(Value::Object(kind)) = union.get_mut(list) {
            kind.insert("listChanged".into(), true.into());
        }
    }
    Value::Object(union).to_string()
}

fn relayed(capabilities: &Value, same_era: bool) -> Map<String, Value> {
    let mut relayed = Map::new();
    for simple in ["tools", "prompts", "resources", "completions", "logging"] {
        let carried = same_era || simple != "logging";
        if capabilities.get(simple).is_some() && carried {
            relayed.insert(simple.into(), json!({}));
        }
    }
    if same_era && capabilities.pointer("/resources/subscribe") == Some(&true.into()) {
        relayed.insert("resources".into(), json!({ "subscribe": true }));
    }
    // A list of tasks over several modules is not relayed.
    if let (true, Some(Value::Object(tasks))) = (same_era, capabilities.get("tasks")) {
        let mut tasks = tasks.clone();
        tasks.remove("list");
        relayed.insert("tasks".into(), tasks.into());
    }
    let extension = capabilities
        .get("extensions")
        .and_then(|all| all.get(TASKS));
    if let (true, Some(tasks)) = (same_era, extension) {
        relayed.insert("extensions".into(), json!({ TASKS: tasks }));
    }
    relayed
}

/// What of a module's capabilities the other era can use: what needs no stream of its own.
fn bare(capabilities: &RawValue) -> String {
    let all: BTreeMap<String, &RawValue> =
        serde_json::from_str(capabilities.get()).unwrap_or_default();
    let carried = ["tools", "prompts", "resources", "completions"];
    let carried = carried.into_iter().filter(|key| all.contains_key(*key));
    let carried: Vec<_> = carried.map(|key| format!("\"{key}\":{{}}")).collect();
    format!("{{{}}}", carried.join(","))
}

/// Objects join; of two other values the first stays, but a `true` wins.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (Some(old), Value::Bool(true)) => *old = Value::Bool(true),
            (Some(_), _) => {}
            (None, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same object, in whichever order of keys.
    fn assert_same(one: &str, two: &str) {
        let [one, two]: [Value; 2] = [one, two].map(|it| serde_json::from_str(it).unwrap());
        assert_eq!(one, two);
    }

    #[test]
    fn several_offer_together_what_is_relayed_and_no_more() {
        let said = |version, capabilities: &str| Said {
            server: format!(r#"{{"capabilities":{capabilities}}}"#).into(),
            version,
        };
        let (modern, session) = (ProtocolVersion::LATEST, ProtocolVersion::LATEST_SESSION);
        let said = [
            said(
                session,
                r#"{"logging":{},"tools":{"vendor":1},"tasks":{"list":{},"cancel":{}},"experimental":{"x":{}}}"#,
            ),
            said(
                modern,
                r#"{"resources":{"subscribe":true},"extensions":{"io.modelcontextprotocol/tasks":{},"com.example/x":{}}}"#,
            ),
        ];
        assert_same(
            &of_several(&said, session, "{}"),
            r#"{"logging":{},"resources":{"listChanged":true},"tasks":{"cancel":{}},"tools":{"listChanged":true}}"#,
        );
        assert_same(
            &of_several(&said, modern, "{}"),
            r#"{"extensions":{"io.modelcontextprotocol/tasks":{}},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}}"#,
        );
        let own = r#"{"resources":{}}"#;
        assert_same(
            &of_several(&[], modern, own),
            r#"{"resources":{"listChanged":true}}"#,
        );
    }
}
