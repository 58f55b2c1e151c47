//! Reads the annotations of a schema, and tells which of them a client must not follow.

use std::collections::HashSet;

use http::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::Parameter;

pub(super) const KEY: &str = "x-mcp-header";

type Read<T> = Result<T, &'static str>;

pub(super) fn read(tool: &str) -> Read<Vec<Parameter>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Tool<'a> {
        #[serde(borrow, default)]
        input_schema: Option<&'a RawValue>,
    }
    let Tool { input_schema } = serde_json::from_str(tool).map_err(|_| "it cannot be read")?;
    let Some(schema) = input_schema.map(RawValue::get) else {
        return Ok(Vec::new());
    };
    // Numbers that no machine type holds stand in the way of a `Value`, and of nothing else.
    let Ok(Value::Object(schema)) = serde_json::from_str(schema) else {
        return match schema.contains(KEY) {
            true => Err("its schema cannot be read"),
            false => Ok(Vec::new()),
        };
    };
    if schema.contains_key(KEY) {
        return Err("the schema itself is annotated, and none of its properties");
    }
    if off_chain(&schema, true) {
        return Err("an annotation is not on a property of properties");
    }
    let mut found = Found::default();
    found.properties(schema.get("properties"), &mut Vec::new())?;
    Ok(found.parameters)
}

#[derive(Default)]
struct Found {
    parameters: Vec<Parameter>,
    headers: HashSet<HeaderName>,
}

impl Found {
    fn properties(&mut self, properties: Option<&Value>, path: &mut Vec<String>) -> Read<()> {
        let Some(Value::Object(properties)) = properties else {
            return Ok(());
        };
        for (name, schema) in properties {
            path.push(name.clone());
            if let Some(header) = schema.get(KEY) {
                self.parameter(header, schema, path)?;
            }
            self.properties(schema.get("properties"), path)?;
            path.pop();
        }
        Ok(())
    }

    fn parameter(&mut self, header: &Value, schema: &Value, path: &[String]) -> Read<()> {
        let header = header.as_str().ok_or("an annotation is no text")?;
        let header = match header {
            "" => return Err("an annotation is empty"),
            name => HeaderName::from_bytes(format!("mcp-param-{name}").as_bytes())
                .map_err(|_| "an annotation is no part of a header's name")?,
        };
        let kind = schema.get("type").and_then(Value::as_str);
        if !matches!(kind, Some("string" | "integer" | "boolean")) {
            return Err("an annotation is on what is neither string nor integer nor boolean");
        }
        if !self.headers.insert(header.clone()) {
            return Err("two properties have one header");
        }
        let path = path.to_vec();
        self.parameters.push(Parameter { path, header });
        Ok(())
    }
}

/// Whether there is an annotation elsewhere than on a property that is reached from the root
/// through `properties` alone. Depth is bounded by the parser.
fn off_chain(schema: &Map<String, Value>, on_chain: bool) -> bool {
    schema.iter().any(|(key, value)| match key.as_str() {
        KEY => !on_chain,
        "properties" => each(value, on_chain),
        "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => each(value, false),
        // Values, and no schemas.
        "default" | "const" | "enum" | "examples" => false,
        _ => below(value, false),
    })
}

fn each(schemas: &Value, on_chain: bool) -> bool {
    let schemas = schemas.as_object();
    schemas.is_some_and(|schemas| schemas.values().any(|schema| below(schema, on_chain)))
}

fn below(value: &Value, on_chain: bool) -> bool {
    match value {
        Value::Object(schema) => off_chain(schema, on_chain),
        Value::Array(items) => items.iter().any(|item| below(item, false)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(schema: &str) -> Read<usize> {
        let tool = format!(r#"{{"name":"t","inputSchema":{schema}}}"#);
        read(&tool).map(|parameters| parameters.len())
    }

    fn properties(properties: &str) -> Read<usize> {
        tool(&format!(r#"{{"type":"object","properties":{properties}}}"#))
    }

    #[test]
    fn annotations_are_found_on_properties_of_properties() {
        let both = r#"{"a":{"type":"string","x-mcp-header":"A"},"o":{"properties":{"b":{"type":"integer","x-mcp-header":"B"}}}}"#;
        assert_eq!(properties(both), Ok(2));
        assert_eq!(properties(r#"{"a":{"type":"string"}}"#), Ok(0));
        assert_eq!(properties(r#"{"a":{"default":{"x-mcp-header":1}}}"#), Ok(0));
        assert_eq!(read(r#"{"name":"t"}"#).unwrap(), []);
        assert_eq!(tool(r#"{"maximum":1e400}"#), Ok(0));
    }

    #[test]
    fn what_a_client_must_not_follow_is_refused() {
        for wrong in [
            r#"{"a":{"type":"string","x-mcp-header":""}}"#,
            r#"{"a":{"type":"string","x-mcp-header":7}}"#,
            r#"{"a":{"type":"string","x-mcp-header":"a b"}}"#,
            r#"{"a":{"type":"string","x-mcp-header":"a\r\nx"}}"#,
            r#"{"a":{"type":"string","x-mcp-header":"ä"}}"#,
            r#"{"a":{"type":"number","x-mcp-header":"A"}}"#,
            r#"{"a":{"type":"object","x-mcp-header":"A"}}"#,
            r#"{"a":{"x-mcp-header":"A"}}"#,
            r#"{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}"#,
            r#"{"a":{"items":{"type":"string","x-mcp-header":"A"}}}"#,
            r#"{"a":{"oneOf":[{"type":"string","x-mcp-header":"A"}]}}"#,
            r#"{"a":{"maximum":1e400,"type":"string","x-mcp-header":"A"}}"#,
        ] {
            assert!(properties(wrong).is_err(), "{wrong}");
        }
        assert!(tool(r#"{"x-mcp-header":"A"}"#).is_err());
        assert!(tool(r#"{"$defs":{"d":{"type":"string","x-mcp-header":"A"}}}"#).is_err());
    }
}
