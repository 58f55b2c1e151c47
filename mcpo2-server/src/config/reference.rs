//! The reference for people, rendered from the schema.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Map, Value};

use super::schema;

/// The shortest file that serves something.
pub const MINIMAL: &str = include_str!("minimal.yaml");

/// A file that uses most of what there is.
pub const FULL: &str = include_str!("full.yaml");

const INTRODUCTION: &str = include_str!("introduction.md");

/// The sections, in the order in which people write them.
const SECTIONS: [&str; 19] = [
    "version",
    "listen",
    "environment",
    "http",
    "identity",
    "modules",
    "lists",
    "policy",
    "bundles",
    "engines",
    "redact",
    "rates",
    "classify",
    "preamble",
    "artifact",
    "library",
    "audit",
    "log",
    "reload",
];

/// The reference, as Markdown.
#[must_use]
pub fn reference() -> String {
    let schema = schema();
    let text = INTRODUCTION
        .replace("{minimal}", MINIMAL.trim())
        .replace("{full}", FULL.trim());
    let mut writer = Writer {
        schema: &schema,
        text,
        seen: BTreeSet::new(),
    };
    writer.table(&schema, &SECTIONS);
    for section in SECTIONS {
        if let Some(property) = schema.pointer(&format!("/properties/{section}")) {
            writer.section(section, property);
        }
    }
    writer.text
}

struct Writer<'a> {
    schema: &'a Value,
    text: String,
    seen: BTreeSet<String>,
}

impl<'a> Writer<'a> {
    /// Writes the section of a mapping, and of all in it. Of anything else it writes nothing.
    fn section(&mut self, path: &str, property: &'a Value) {
        let (path, schema) = self.mapping(path, property);
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return;
        };
        if !self.seen.insert(path.clone()) {
            return;
        }
        let text = prose(schema.get("description").or(property.get("description")));
        let level = "#".repeat(2 + path.matches('.').count().min(3));
        self.write(&format!("\n{level} `{path}`\n\n{text}\n\n"));
        let names = ordered(schema, properties);
        self.table(schema, &names);
        for name in names {
            if let Some(property) = properties.get(name) {
                self.section(&format!("{path}.{name}"), property);
            }
        }
    }

    fn table(&mut self, schema: &'a Value, names: &[&str]) {
        self.write("| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
        let required = required(schema);
        for name in names {
            let Some(property) = schema.pointer(&format!("/properties/{name}")) else {
                continue;
            };
            let default = match property.get("default") {
                _ if required.contains(name) => "required".to_owned(),
                None | Some(Value::Null | Value::Object(_)) => String::new(),
                Some(Value::String(text)) => format!("`{text}`"),
                Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
                Some(value) => format!("`{value}`"),
            };
            let mut meaning = prose(property.get("description"));
            for (variant, text) in self.variants(property) {
                let _ = write!(meaning, "<br>`{variant}`: {text}");
            }
            let kind = self.kind(property);
            self.write(&format!(
                "| `{name}` | {kind} | {default} | {} |\n",
                meaning.replace('|', "\\|")
            ));
        }
    }

    /// The type of a value, in words.
    fn kind(&self, property: &'a Value) -> String {
        let schema = self.resolve(property);
        if let Some(value) = schema.get("const") {
            return format!("`{value}`");
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
            return format!("`{}`", values.join("`, `"));
        }
        if let Some(choices) = choices(schema) {
            let kinds = choices.iter().map(|choice| match choice.get("const") {
                Some(_) => "name".to_owned(),
                None => self.kind(choice),
            });
            return kinds
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join(" or ");
        }
        match (
            schema.get("format").and_then(Value::as_str),
            kind_of(schema),
        ) {
            (Some(format @ ("duration" | "size")), _) => format.to_owned(),
            (_, "array") => match schema.get("items") {
                Some(items) => format!("list of {}", plural(&self.kind(items))),
                None => "list".to_owned(),
            },
            (_, "object") => match schema
                .get("additionalProperties")
                .filter(|of| of.is_object())
            {
                Some(of) => format!("mapping of names to {}", plural(&self.kind(of))),
                None => "mapping".to_owned(),
            },
            (_, "string") => "text".to_owned(),
            (_, "integer" | "number") => "number".to_owned(),
            (_, "boolean") => "true or false".to_owned(),
            _ => "value".to_owned(),
        }
    }

    /// The names that a value may be, each with its meaning.
    fn variants(&self, property: &'a Value) -> Vec<(&'a str, String)> {
        let schema = self.resolve(property);
        let named = choices(schema).into_iter().flatten().filter_map(|choice| {
            let key = || {
                choice
                    .get("properties")?
                    .as_object()?
                    .keys()
                    .next()
                    .map(String::as_str)
            };
            let name = choice.get("const").and_then(Value::as_str).or_else(key)?;
            Some((name, prose(choice.get("description"))))
        });
        named.collect()
    }

    /// The mapping behind a property: itself, an item of its list or a value of its names.
    fn mapping(&self, path: &str, property: &'a Value) -> (String, &'a Value) {
        let schema = self.resolve(property);
        match (schema.get("items"), schema.get("additionalProperties")) {
            (Some(items), _) => (format!("{path}[]"), self.resolve(items)),
            (_, Some(of)) if of.is_object() => (format!("{path}.<name>"), self.resolve(of)),
            _ => (path.to_owned(), schema),
        }
    }

    /// The schema that a property refers to, without the `null` beside it.
    fn resolve(&self, property: &'a Value) -> &'a Value {
        let not_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) != Some("null");
        let choices = property.get("anyOf").and_then(Value::as_array);
        let mut some = choices.into_iter().flatten().filter(not_null);
        let property = match (some.next(), some.next()) {
            (Some(only), None) => only,
            _ => property,
        };
        let reference = property.get("$ref").and_then(Value::as_str);
        let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.schema.pointer(pointer))
            .unwrap_or(property)
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

fn choices(schema: &Value) -> Option<&Vec<Value>> {
    schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))?
        .as_array()
}

fn kind_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or_default(),
        _ => "",
    }
}

fn required(schema: &Value) -> Vec<&str> {
    let required = schema.get("required").and_then(Value::as_array);
    required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// What must be there first, then the rest by name.
fn ordered<'a>(schema: &'a Value, properties: &'a Map<String, Value>) -> Vec<&'a str> {
    let required = required(schema);
    let mut names: Vec<_> = properties.keys().map(String::as_str).collect();
    names.sort_by_key(|name| {
        (
            required
                .iter()
                .position(|known| known == name)
                .unwrap_or(usize::MAX),
            *name,
        )
    });
    names
}

fn plural(kind: &str) -> String {
    match kind {
        "text" | "mapping" | "number" | "name" | "value" => format!("{kind}s"),
        _ => kind.to_owned(),
    }
}

/// A doc comment as one line of Markdown: links into the code become what they are called.
fn prose(text: Option<&Value>) -> String {
    let text = text.and_then(Value::as_str).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("[`") {
        plain.push_str(before);
        let Some((name, after)) = after.split_once("`]") else {
            break;
        };
        let _ = write!(plain, "`{name}`");
        let link = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        rest = link.map_or(after, |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}
