//! JSON with its keys in order: in which they come otherwise is up to the features of dependencies.

use std::collections::BTreeMap;

use serde_json::Value;

/// The same text, where it is no JSON.
pub(crate) fn in_order(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => format!("{:#}\n", sorted(value)),
        Err(_) => text.to_owned(),
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> = members.into_iter().collect();
            let members = members.into_iter().map(|(key, value)| (key, sorted(value)));
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
