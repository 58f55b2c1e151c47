use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Id, Message, Request, Response, request::Spans};
use crate::{Item, ItemKind, Method, json};

/// Why bytes are not a message, with the JSON-RPC code and the id to answer to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct ParseError {
    code: i32,
    reason: String,
    id: Option<Id>,
}

impl ParseError {
    /// `-32700` where it is not JSON, `-32600` where it is not a message, `-32602` where its
    /// parameters do not address what its method needs.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The id of the request, where one could be read.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    fn invalid(reason: &str, id: Option<Id>) -> Self {
        Self {
            code: -32600,
            reason: reason.into(),
            id,
        }
    }

    fn params(reason: &str, id: Option<Id>) -> Self {
        Self {
            code: -32602,
            reason: reason.into(),
            id,
        }
    }
}

impl From<json::Fault> for ParseError {
    fn from(fault: json::Fault) -> Self {
        Self {
            code: -32700,
            reason: fault.to_string(),
            id: None,
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "ref", deserialize_with = "present")]
    reference: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskId", deserialize_with = "present")]
    task: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta", deserialize_with = "present")]
    meta: Option<&'a RawValue>,
}

/// A member that is there, even where it is `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

pub(super) fn message(bytes: Bytes) -> Result<Message, ParseError> {
    let text = json::check(&bytes)?;
    let envelope: Envelope<'_> = object(text).ok_or_else(|| {
        ParseError::invalid("a message is one JSON object; batches are not", None)
    })?;
    let id = match envelope.id {
        None => None,
        Some(raw) => match Id::read(raw, bytes.slice(span(text, raw))) {
            Some(id) => Some(id),
            // An error that answers to no readable request has the id `null`.
            None if raw.get() == "null" && envelope.error.is_some() => None,
            None => {
                return Err(ParseError::invalid("an id is a string or an integer", None));
            }
        },
    };
    if envelope.jsonrpc.map(RawValue::get) != Some(r#""2.0""#) {
        return Err(ParseError::invalid("`jsonrpc` is not \"2.0\"", id));
    }
    match (envelope.method, envelope.result, envelope.error) {
        (Some(method), None, None) => {
            let mut parts = request_parts(text, method, envelope.params, id.clone())?;
            parts.2.id = id.as_ref().and(envelope.id).map(|raw| span(text, raw));
            Ok(Message::Request(Request::new(bytes, id, parts)))
        }
        (None, Some(result), None) => {
            let Some(id) = id else {
                return Err(ParseError::invalid("a result has an id", None));
            };
            let spans = (envelope.id.map(|raw| span(text, raw)), span(text, result));
            Ok(Message::Response(Response::result(bytes, id, spans)))
        }
        (None, None, Some(error)) => {
            let spans = (envelope.id.map(|raw| span(text, raw)), span(text, error));
            Ok(Message::Response(Response::error(bytes, id, spans)))
        }
        _ => Err(ParseError::invalid(
            "a message has one of `method`, `result` and `error`",
            id,
        )),
    }
}

fn request_parts(
    text: &str,
    method: &RawValue,
    params: Option<&RawValue>,
    id: Option<Id>,
) -> Result<(Method, Option<Item>, Spans), ParseError> {
    let Some(name) = string(method) else {
        return Err(ParseError::invalid("`method` is not a string", id));
    };
    let method = Method::from(name.as_str());
    let fields: Params<'_> = match params {
        None => Params::default(),
        Some(raw) => object(raw.get())
            .ok_or_else(|| ParseError::invalid("`params` is not an object", id.clone()))?,
    };
    if fields.meta.is_some_and(|raw| !raw.get().starts_with('{')) {
        return Err(ParseError::params("`_meta` is not an object", id));
    }
    let (kind, addressed) = match addressed(&method, &fields) {
        Ok(addressed) => addressed,
        Err(reason) => return Err(ParseError::params(reason, id)),
    };
    let item = match (kind, addressed) {
        (Some(kind), Some(raw)) => match string(raw) {
            Some(name) => Some(Item::new(kind, name)),
            None => {
                return Err(ParseError::params(
                    "the name of what is addressed is no string",
                    id,
                ));
            }
        },
        // Whether the method is there at all matters more than what it lacks: layers see no item.
        (_, None) | (None, _) => None,
    };
    let within = |raw: &RawValue| span(text, raw);
    let spans = Spans {
        id: None,
        params: params.map(within),
        item: item.as_ref().and(addressed).map(within),
        arguments: fields.arguments.map(within),
        meta: fields.meta.map(within),
    };
    Ok((method, item, spans))
}

type Addressed<'a> = (Option<ItemKind>, Option<&'a RawValue>);

fn addressed<'a>(method: &Method, params: &Params<'a>) -> Result<Addressed<'a>, &'static str> {
    if *method == Method::Complete {
        let Some(reference) = params.reference else {
            return Err("`ref` is missing");
        };
        let fields: Params<'a> = object(reference.get()).ok_or("`ref` is not an object")?;
        return match (fields.name, fields.uri) {
            (Some(name), None) => Ok((Some(ItemKind::Prompt), Some(name))),
            (None, Some(uri)) => Ok((Some(ItemKind::Template), Some(uri))),
            _ => Err("`ref` names either a prompt or a resource"),
        };
    }
    let kind = method.item_kind();
    Ok((
        kind,
        match kind {
            Some(ItemKind::Tool | ItemKind::Prompt) => params.name,
            Some(ItemKind::Resource) => params.uri,
            Some(ItemKind::Task) => params.task,
            _ => None,
        },
    ))
}

/// Reads an object; serde would take an array for one.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_start()
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Where a part that was borrowed from `text` stands in it.
pub(super) fn span(text: &str, part: &RawValue) -> Range<usize> {
    let start = part
        .get()
        .as_ptr()
        .addr()
        .saturating_sub(text.as_ptr().addr());
    start..start + part.get().len()
}
