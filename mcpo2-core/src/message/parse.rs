use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{
    Id, Message, Outcome, Request, Response,
    outline::{Outline, Params, Place},
    request::Spans,
};
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

pub(super) fn message(bytes: Bytes) -> Result<Message, ParseError> {
    let (text, outline) = Outline::read(&bytes)?;
    if !is_object(text) {
        let reason = "a message is one JSON object; batches are not";
        return Err(ParseError::invalid(reason, None));
    }
    let envelope = &outline.envelope;
    let error = envelope.error.as_ref();
    let id = match &envelope.id {
        None => None,
        Some(at) => match (Id::read(bytes.slice(at.clone())), part(text, at)) {
            (Some(id), _) => Some(id),
            // An error that answers to no readable request has the id `null`.
            (None, "null") if error.is_some() => None,
            (None, _) => {
                return Err(ParseError::invalid("an id is a string or an integer", None));
            }
        },
    };
    if envelope.jsonrpc.as_ref().map(|at| part(text, at)) != Some(r#""2.0""#) {
        return Err(ParseError::invalid("`jsonrpc` is not \"2.0\"", id));
    }
    match (&envelope.method, &envelope.result, error) {
        (Some(method), None, None) => {
            let parts = request_parts(text, method, &outline, id.clone())?;
            let text = json::Text::Whole(bytes);
            Ok(Message::Request(Request::new(text, id, parts)))
        }
        (None, Some(result), None) => {
            let Some(id) = id else {
                return Err(ParseError::invalid("a result has an id", None));
            };
            let spans = (envelope.id.clone(), result.clone());
            let outcome = result_outcome(text, outline.is_error.as_ref());
            Ok(Message::Response(Response::result(
                bytes, id, spans, outcome,
            )))
        }
        (None, None, Some(error)) => {
            let spans = (envelope.id.clone(), error.clone());
            let outcome = error_outcome(text, outline.code.as_ref());
            Ok(Message::Response(Response::error(
                bytes, id, spans, outcome,
            )))
        }
        _ => Err(ParseError::invalid(
            "a message has one of `method`, `result` and `error`",
            id,
        )),
    }
}

fn request_parts(
    text: &str,
    method: &Range<usize>,
    outline: &Outline,
    id: Option<Id>,
) -> Result<(Method, Option<Item>, Spans), ParseError> {
    let Some(name) = string(part(text, method)) else {
        return Err(ParseError::invalid("`method` is not a string", id));
    };
    let method = Method::from(&*name);
    let (envelope, params) = (&outline.envelope, &outline.params);
    let is_object = |at: &Range<usize>| is_object(part(text, at));
    if !envelope.params.as_ref().is_none_or(is_object) {
        return Err(ParseError::invalid("`params` is not an object", id));
    }
    if !params.meta.as_ref().is_none_or(is_object) {
        return Err(ParseError::params("`_meta` is not an object", id));
    }
    let (kind, addressed) = match addressed(&method, params, text) {
        Ok(addressed) => addressed,
        Err(reason) => return Err(ParseError::params(reason, id)),
    };
    let item = match (kind, &addressed) {
        (Some(kind), Some(at)) => match string(part(text, at)) {
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
    let spans = Spans {
        id: id.and(envelope.id.clone()),
        params: envelope.params.clone(),
        item: item.as_ref().and(addressed),
        arguments: params.arguments.clone(),
        meta: params.meta.clone(),
        known: outline.known(),
    };
    Ok((method, item, spans))
}

type Addressed = (Option<ItemKind>, Place);

fn addressed(method: &Method, params: &Params, text: &str) -> Result<Addressed, &'static str> {
    if *method == Method::Complete {
        let Some(reference) = &params.reference else {
            return Err("`ref` is missing");
        };
        return match reference_to(part(text, reference)).ok_or("`ref` is not an object")? {
            Reference {
                name: Some(name),
                uri: None,
            } => Ok((Some(ItemKind::Prompt), Some(span(text, name)))),
            Reference {
                name: None,
                uri: Some(uri),
            } => Ok((Some(ItemKind::Template), Some(span(text, uri)))),
            _ => Err("`ref` names either a prompt or a resource"),
        };
    }
    let kind = method.item_kind();
    let place = match kind {
        Some(ItemKind::Tool | ItemKind::Prompt) => &params.name,
        Some(ItemKind::Resource) => &params.uri,
        Some(ItemKind::Task) => &params.task,
        _ => &None,
    };
    Ok((kind, place.clone()))
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    uri: Option<&'a RawValue>,
}

/// A member that is there, even where it is `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

fn reference_to(text: &str) -> Option<Reference<'_>> {
    object(text)
}

/// A result in which the tool says that it failed is none that counts as one.
fn result_outcome(text: &str, is_error: Option<&Range<usize>>) -> Outcome {
    match is_error.map(|at| part(text, at)) {
        Some("true") => Outcome::ToolError,
        _ => Outcome::Result,
    }
}

fn error_outcome(text: &str, code: Option<&Range<usize>>) -> Outcome {
    let code = code.and_then(|at| serde_json::from_str(part(text, at)).ok());
    Outcome::Error {
        code: code.unwrap_or(-32603),
    }
}

fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

fn part<'a>(text: &'a str, at: &Range<usize>) -> &'a str {
    text.get(at.clone()).unwrap_or_default()
}

/// What a string says, where the value is one that says something.
fn string(json: &str) -> Option<Cow<'_, str>> {
    json::unescape(json.strip_prefix('"')?.strip_suffix('"')?)
}

/// Reads an object; serde would take an array for one.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    is_object(text)
        .then(|| serde_json::from_str(text).ok())
        .flatten()
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
