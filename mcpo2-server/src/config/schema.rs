//! The JSON schema, and the schemas of types that are not ours.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{Config, VERSION};

/// The JSON schema of the file, for editors.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    // The version is read before anything else, so it is no field of the types behind it.
    let version = json!({
        "description": "The version of this format.",
        "const": VERSION,
    });
    if let Some(properties) = schema
        .pointer_mut("/properties")
        .and_then(Value::as_object_mut)
    {
        properties.insert("version".into(), version);
    }
    let required = schema.as_object_mut().map(|schema| {
        schema
            .entry("required")
            .or_insert_with(|| Value::Array(Vec::new()))
    });
    if let Some(required) = required.and_then(Value::as_array_mut) {
        required.insert(0, "version".into());
    }
    tidy(schema)
}

/// The same schema in one order of keys, whichever map there is behind it, and without the
/// defaults that its parts have anyway.
fn tidy(value: Value) -> Value {
    let is_noise = |value: &Value| value.is_object() || value.is_null();
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<_, _> = map.into_iter().collect();
            let entries = entries
                .into_iter()
                .filter(|(key, value)| key != "default" || !is_noise(value));
            let entries = entries.map(|(key, value)| match (key.as_str(), value) {
                // What stands in here are keys of the file, whatever they are called.
                ("properties", Value::Object(map)) => {
                    let map: BTreeMap<_, _> = map.into_iter().collect();
                    let map = map.into_iter().map(|(key, value)| (key, tidy(value)));
                    (key, Value::Object(map.collect()))
                }
                (_, value) => (key, tidy(value)),
            });
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.into_iter().map(tidy).collect(),
        other => other,
    }
}

pub(super) struct Duration;

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration", "pattern": "^[0-9]+ ?(ms|s|m|h|d)$|\\$\\{" })
    }
}

pub(super) struct Size;

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"], "format": "size", "minimum": 0,
            "pattern": "^[0-9]+( ?(B|KiB|MiB|GiB))?$|\\$\\{"
        })
    }
}

/// The kind of a caller.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "it mirrors a type of the core for the schema")]
pub(super) enum PrincipalKind {
    User,
    Agent,
    Service,
}

/// How far a module is on its way into service.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
#[expect(dead_code, reason = "it mirrors a type of the core for the schema")]
pub(super) enum ApprovalState {
    Pending,
    Approved,
    Suspended,
    Revoked,
}
