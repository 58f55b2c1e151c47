//! A query as Cedar sees it.

use std::{collections::BTreeMap, str::FromStr};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression as Value,
};
use jiff::Timestamp;
use mcpo2_core::{ItemKind, Method, Principal, PrincipalKind};

use super::{CedarSchema, schema::Type};
use crate::{
    Query,
    export::{auth_name, kind_name},
    input::{ArgumentFact, of_each},
    native::Node,
    query::{Arguments, Place},
};

/// What Cedar is asked, and about whom.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) entities: Entities,
}

/// The question of a call, or of a list, in which there is no context yet.
pub(super) fn of(query: &Query<'_>, schema: &CedarSchema, listed: bool) -> Result<Asked, String> {
    let mut entities = vec![principal(query.principal())?];
    let principal = uid(
        kind(query.principal().kind())?,
        query.principal().id().as_str(),
    )?;
    let resource = resource(query, &mut entities)?;
    let (action, input) = action(query, schema, &mut entities)?;
    let (context, schema) = match listed {
        true => (Context::empty(), None),
        false => (context(query, input, &mut entities)?, Some(&schema.parsed)),
    };
    let request = Request::new(principal, action, resource, context, schema);
    let entities = Entities::from_entities(entities, None);
    Ok(Asked {
        request: request.map_err(|error| error.to_string())?,
        entities: entities.map_err(|error| error.to_string())?,
    })
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let name = EntityTypeName::from_str(&format!("Mcpo2::{kind}"));
    let name = name.map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

fn entity(
    uid: EntityUid,
    members: Members,
    parents: Vec<EntityUid>,
    tags: Vec<(String, Value)>,
) -> Result<Entity, String> {
    let entity = Entity::new_with_tags(uid, members.0, parents, tags);
    entity.map_err(|error| error.to_string())
}

/// The members of a record.
#[derive(Default)]
struct Members(Vec<(String, Value)>);

impl Members {
    fn text(&mut self, name: &str, value: &str) {
        self.put(name, Value::new_string(value.to_owned()));
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn long(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.put(name, Value::new_long(value));
        }
    }

    fn set<'v>(&mut self, name: &str, values: impl Iterator<Item = &'v str>) {
        let values = values.map(|value| Value::new_string(value.to_owned()));
        self.put(name, Value::new_set(values));
    }

    fn put(&mut self, name: &str, value: Value) {
        self.0.push((name.to_owned(), value));
    }
}

fn kind(kind: PrincipalKind) -> Result<&'static str, String> {
    match kind {
        PrincipalKind::User => Ok("User"),
        PrincipalKind::Agent => Ok("Agent"),
        PrincipalKind::Service => Ok("Service"),
        PrincipalKind::Anonymous => Ok("Anonymous"),
        _ => Err("the kind of principal is unknown".into()),
    }
}

fn principal(caller: &Principal) -> Result<Entity, String> {
    let mut members = Members::default();
    members.text("id", caller.id().as_str());
    members.text("kind", kind_name(caller.kind()).unwrap_or_default());
    members.text("tenant", caller.tenant().as_str());
    members.set("roles", caller.roles());
    members.set("scopes", caller.scopes());
    members.maybe("project", caller.project());
    members.text("auth", auth_name(caller.auth()).unwrap_or_default());
    let mut parents = vec![uid("Tenant", caller.tenant().as_str())?];
    for role in caller.roles() {
        parents.push(uid("Role", role)?);
    }
    let uid = uid(kind(caller.kind())?, caller.id().as_str())?;
    entity(uid, members, parents, Vec::new())
}

fn resource(query: &Query<'_>, entities: &mut Vec<Entity>) -> Result<EntityUid, String> {
    let kind = match query.item().map(mcpo2_core::Item::kind) {
        None => "Nothing",
        Some(ItemKind::Tool) => "Tool",
        Some(ItemKind::Prompt) => "Prompt",
        Some(ItemKind::Resource) => "Resource",
        Some(ItemKind::Template) => "Template",
        Some(ItemKind::Task) => "Task",
        Some(_) => return Err("the kind of item is unknown".into()),
    };
    let name = query.item().map(mcpo2_core::Item::name).unwrap_or_default();
    let (mut members, mut parents) = (Members::default(), Vec::new());
    let named = query.item().map(|item| item.kind().to_string());
    members.maybe("kind", named.as_deref());
    members.text("name", name);
    match query.place() {
        Place::Gateway => members.text("owner", "gateway"),
        Place::Unknown => members.text("owner", "unknown"),
        Place::Module(facts) => {
            members.text("owner", "module");
            members.text("module", facts.module().as_str());
            members.text("family", facts.family().as_str());
            members.maybe("region", facts.region().map(mcpo2_core::Region::as_str));
            members.long("tier", Some(facts.tier().into()));
            let state = serde_json::to_value(facts.state()).unwrap_or_default();
            members.maybe("state", state.as_str());
            let module = uid("Module", facts.module().as_str())?;
            let mut above = vec![uid("Family", facts.family().as_str())?];
            if let Some(region) = facts.region() {
                above.push(uid("Region", region.as_str())?);
            }
            entities.push(entity(
                module.clone(),
                Members::default(),
                above,
                Vec::new(),
            )?);
            parents.push(module);
        }
    }
    let resource = uid(kind, name)?;
    entities.push(entity(resource.clone(), members, parents, Vec::new())?);
    Ok(resource)
}

/// The action, and the type of its arguments where the catalogue has it.
fn action<'s>(
    query: &Query<'_>,
    schema: &'s CedarSchema,
    entities: &mut Vec<Entity>,
) -> Result<(EntityUid, Option<&'s Type>), String> {
    let name = query.method().as_str();
    let group = match query.addresses() {
        true => "invoke",
        false => "protocol",
    };
    let (method, above) = (uid("Action", name)?, uid("Action", group)?);
    entities.push(Entity::new_no_attrs(above.clone(), [].into()));
    entities.push(Entity::new_no_attrs(method.clone(), [above].into()));
    let tool = query
        .item()
        .filter(|item| item.kind() == ItemKind::Tool && *query.method() == Method::ToolsCall);
    let Some((tool, input)) = tool.and_then(|tool| schema.tools.get_key_value(tool.name())) else {
        return Ok((method, None));
    };
    let action = uid("Action", tool)?;
    entities.push(Entity::new_no_attrs(action.clone(), [method].into()));
    Ok((action, Some(input)))
}

fn context(
    query: &Query<'_>,
    input: Option<&Type>,
    entities: &mut Vec<Entity>,
) -> Result<Context, String> {
    let situation = query.situation();
    let mut members = Members::default();
    let (state, facts) = match query.decoded() {
        Arguments::Inapplicable => ("inapplicable", BTreeMap::new()),
        Arguments::Open => ("open", BTreeMap::new()),
        Arguments::Missing => ("missing", BTreeMap::new()),
        Arguments::Unreadable => ("unreadable", BTreeMap::new()),
        Arguments::Given(node) => ("given", of_each(node)),
    };
    let arguments = uid("Arguments", "request")?;
    let tags: Result<Vec<_>, String> = facts
        .into_iter()
        .map(|(pointer, fact)| Ok((pointer, tag(&fact)?)))
        .collect();
    entities.push(entity(
        arguments.clone(),
        Members::default(),
        Vec::new(),
        tags?,
    )?);
    members.put("arguments", Value::new_entity_uid(arguments));
    members.text("argsState", state);
    members.maybe("intent", query.family().map(mcpo2_core::Family::as_str));
    members.maybe("environment", situation.environment());
    if let Some(source) = situation.source() {
        members.put("source", Value::new_ip(source.to_string()));
    }
    if let Some(time) = situation.time() {
        let time = Timestamp::try_from(time).map_err(|error| error.to_string())?;
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        members.put("time", Value::new_datetime(time));
    }
    let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    members.long(
        "sessionSeconds",
        situation.session_age().map(|age| long(age.as_secs())),
    );
    members.long("requestBytes", situation.request_bytes().map(long));
    if let Some(of) = input {
        let empty = Node::Object(BTreeMap::new());
        let node = match query.decoded() {
            Arguments::Given(node) => node,
            Arguments::Missing => &empty,
            _ => return Err("the arguments cannot be read".into()),
        };
        members.put("input", typed(node, of)?);
    }
    Context::from_pairs(members.0).map_err(|error| error.to_string())
}

fn tag(fact: &ArgumentFact<'_>) -> Result<Value, String> {
    let mut members = Members::default();
    members.text("kind", fact.kind.as_str());
    members.maybe("text", fact.text.as_deref());
    members.maybe("number", fact.number.as_deref());
    members.long("floor", fact.floor);
    members.long("ceil", fact.ceil);
    members.maybe("path", fact.path.as_deref());
    members.maybe("bare", fact.bare.as_deref());
    members.maybe("anchor", fact.anchor.map(crate::AnchorKind::as_str));
    Value::new_record(members.0).map_err(|error| error.to_string())
}

/// A value of this type. Members without a type are left out: no valid policy reads them there.
fn typed(node: &Node<'_>, of: &Type) -> Result<Value, String> {
    match (of, node) {
        (Type::Text, Node::Text(text)) => Ok(Value::new_string(text.to_string())),
        (Type::Bool, Node::Bool(value)) => Ok(Value::new_bool(*value)),
        (Type::Integer, Node::Number(text)) => {
            let number = text
                .parse()
                .map_err(|_| format!("`{text}` is no integer"))?;
            Ok(Value::new_long(number))
        }
        (Type::List(of), Node::Array(items)) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| typed(item, of)).collect();
            Ok(Value::new_set(items?))
        }
        (Type::Object(members), Node::Object(given)) => {
            let mut all = Vec::new();
            for (name, (of, needed)) in members {
                match given.get(name.as_ref()) {
                    Some(node) => all.push((name.to_string(), typed(node, of)?)),
                    None if *needed => return Err(format!("the argument `{name}` is missing")),
                    None => {}
                }
            }
            Value::new_record(all).map_err(|error| error.to_string())
        }
        _ => Err("an argument has another type than the tool says".into()),
    }
}
