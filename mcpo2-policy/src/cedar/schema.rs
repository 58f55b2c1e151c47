use std::{collections::BTreeMap, fmt::Write};

use cedar_policy::Schema;
use mcpo2_core::{ItemKind, Method};
use serde_json::Value;

use super::{CedarError, CedarErrorKind};
use crate::{export::quoted, native::METHODS};

/// How deep the types of arguments nest; what is below has no type.
const MAX_DEPTH: usize = 16;
const MAX_TOOLS: usize = 10_000;

const ENTITIES: &str = r#"entity Tenant, Role, Family, Region;
  entity User, Agent, Service, Anonymous in [Role, Tenant] {
    id: String,
    kind: String,
    tenant: String,
    roles: Set<String>,
    scopes: Set<String>,
    project?: String,
    auth: String,
  };
  entity Module in [Family, Region];
  entity Tool, Prompt, Resource, Template, Task, Nothing in [Module] {
    kind?: String,
    name: String,
    owner: String,
    module?: String,
    family?: String,
    region?: String,
    tier?: Long,
    state?: String,
  };
  entity Arguments tags {
    kind: String,
    text?: String,
    number?: String,
    floor?: Long,
    ceil?: Long,
    path?: String,
    bare?: String,
    anchor?: String,
  };
"#;

const CONTEXT: &str = "arguments: Arguments, argsState: String, intent?: String, \
    environment?: String, source?: ipaddr, time?: datetime, sessionSeconds?: Long, \
    requestBytes?: Long";

/// The entities and actions that policies in Cedar speak of.
///
/// Principals are `Mcpo2::User`, `Agent`, `Service` and `Anonymous`, in their `Role`s and `Tenant`;
/// resources are `Mcpo2::Tool`, `Prompt`, `Resource`, `Template`, `Task` and, where nothing is
/// addressed, `Nothing`, in their `Module`, which is in its `Family` and `Region`. Each method is an
/// action (`Mcpo2::Action::"tools/call"`), in `"invoke"` or `"protocol"`. What is known of each
/// argument is a tag of `context.arguments`, by its JSON pointer.
///
/// Each tool of a catalogue is an action too, in `"tools/call"`, whose arguments have the types of
/// its schema in `context.input`: texts, integers, truth values, and lists and objects of these. A
/// call of it whose arguments have other types is denied.
///
/// ```
/// use mcpo2_policy::CedarSchema;
/// use serde_json::json;
///
/// let input = json!({"type": "object", "required": ["path"],
///     "properties": {"path": {"type": "string"}, "depth": {"type": "integer"}}});
/// let schema = CedarSchema::of_tools([("files__list", &input)])?;
/// assert!(schema.text().contains(r#"action "files__list" in ["tools/call"]"#));
/// # Ok::<(), mcpo2_policy::CedarError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CedarSchema {
    text: String,
    pub(super) parsed: Schema,
    pub(super) tools: BTreeMap<Box<str>, Type>,
}

/// The type of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Bool,
    List(Box<Type>),
    /// The members that have a type, and which of them must be there.
    Object(BTreeMap<Box<str>, (Type, bool)>),
}

impl CedarSchema {
    /// The schema for any tools, whose arguments have no types.
    ///
    /// # Errors
    ///
    /// None that occurs: [`CedarError`] is for what [`CedarSchema::of_tools`] may be given.
    pub fn any_tools() -> Result<Self, CedarError> {
        Self::of_tools([])
    }

    /// The schema for these tools, each its name and the JSON Schema of its arguments.
    ///
    /// # Errors
    ///
    /// [`CedarError`] where a tool is there twice, or has the name of a method.
    pub fn of_tools<'t>(
        tools: impl IntoIterator<Item = (&'t str, &'t Value)>,
    ) -> Result<Self, CedarError> {
        let wrong = |problem: String| CedarError::new(CedarErrorKind::Schema, problem);
        let mut all = BTreeMap::new();
        for (name, schema) in tools {
            if METHODS.contains(&name) || matches!(name, "invoke" | "protocol") {
                return Err(wrong(format!(
                    "the tool `{name}` has the name of an action"
                )));
            }
            let object = || Type::Object(BTreeMap::new());
            let of = typed(schema, MAX_DEPTH).filter(|it| matches!(it, Type::Object(_)));
            if all.insert(name.into(), of.unwrap_or_else(object)).is_some() {
                return Err(wrong(format!("the tool `{name}` is there twice")));
            }
        }
        if all.len() > MAX_TOOLS {
            return Err(wrong(format!("there are more than {MAX_TOOLS} tools")));
        }
        let text = text(&all);
        let parsed = Schema::from_cedarschema_str(&text);
        Ok(Self {
            parsed: parsed.map_err(|error| wrong(whole(&error)))?.0,
            text,
            tools: all,
        })
    }

    /// The schema as Cedar writes it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn whole(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

fn text(tools: &BTreeMap<Box<str>, Type>) -> String {
    let mut text = format!("namespace Mcpo2 {{\n  {ENTITIES}");
    let principals = "principal: [User, Agent, Service, Anonymous]";
    text.push_str("  action \"invoke\", \"protocol\";\n");
    for name in METHODS {
        let method = Method::from(*name);
        let (group, resources) = match (method.item_kind(), &method) {
            (Some(ItemKind::Tool), _) => ("invoke", "[Tool, Nothing]"),
            (Some(ItemKind::Prompt), _) => ("invoke", "[Prompt, Nothing]"),
            (Some(ItemKind::Task), _) => ("invoke", "[Task, Nothing]"),
            (Some(_), _) => ("invoke", "[Resource, Template, Nothing]"),
            (None, Method::Complete) => ("invoke", "[Prompt, Resource, Template, Nothing]"),
            (None, _) => ("protocol", "[Nothing]"),
        };
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "  action {} in [\"{group}\"] appliesTo {{\n    {principals}, resource: {resources},\n    \
             context: {{{CONTEXT}}}\n  }};",
            quoted(name),
        );
    }
    for (name, input) in tools {
        let _ = writeln!(
            text,
            "  action {} in [\"tools/call\"] appliesTo {{\n    {principals}, resource: [Tool],\n    \
             context: {{{CONTEXT}, input: {}}}\n  }};",
            quoted(name),
            input.text(),
        );
    }
    text.push_str("}\n");
    text
}

impl Type {
    fn text(&self) -> String {
        match self {
            Self::Text => "String".into(),
            Self::Integer => "Long".into(),
            Self::Bool => "Bool".into(),
            Self::List(of) => format!("Set<{}>", of.text()),
            Self::Object(members) => {
                let members = members.iter().map(|(name, (of, needed))| {
                    let mark = if *needed { "" } else { "?" };
                    format!("{}{mark}: {}", quoted(name), of.text())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The type that a JSON Schema gives, where Cedar has it.
fn typed(schema: &Value, depth: usize) -> Option<Type> {
    let depth = depth.checked_sub(1)?;
    match schema.get("type")?.as_str()? {
        "string" => Some(Type::Text),
        "integer" => Some(Type::Integer),
        "boolean" => Some(Type::Bool),
        "array" => {
            let items = typed(schema.get("items")?, depth)?;
            Some(Type::List(Box::new(items)))
        }
        "object" => {
            let required = schema.get("required").and_then(Value::as_array);
            let needed = |name: &str| {
                let mut names = required.into_iter().flatten();
                names.any(|one| one.as_str() == Some(name))
            };
            let properties = schema.get("properties").and_then(Value::as_object);
            let members = properties
                .into_iter()
                .flatten()
                .filter_map(|(name, schema)| {
                    let of = typed(schema, depth)?;
                    Some((name.as_str().into(), (of, needed(name))))
                });
            Some(Type::Object(members.collect()))
        }
        _ => None,
    }
}
