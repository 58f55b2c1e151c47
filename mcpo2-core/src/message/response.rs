use std::ops::Range;

use bytes::Bytes;

use super::{
    Id,
    edit::{insert_first, top_level},
    request::moved,
};
use crate::json::{Member, spliced};

/// How a request ended, as its response says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A result.
    Result,
    /// A result in which the tool says that it failed (`isError`).
    ToolError,
    /// A JSON-RPC error with this code.
    Error {
        /// The code of the error.
        code: i64,
    },
}

/// The answer to a request, in the bytes it came.
#[derive(Debug, Clone)]
pub struct Response {
    bytes: Bytes,
    id: Option<Id>,
    id_span: Option<Range<usize>>,
    part: Part,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Part {
    Result(Range<usize>),
    Error(Range<usize>),
}

type Spans = (Option<Range<usize>>, Range<usize>);

impl Response {
    pub(super) fn result(bytes: Bytes, id: Id, (id_span, result): Spans, outcome: Outcome) -> Self {
        Self {
            bytes,
            id: Some(id),
            id_span,
            part: Part::Result(result),
            outcome,
        }
    }

    pub(super) fn error(
        bytes: Bytes,
        id: Option<Id>,
        (id_span, error): Spans,
        outcome: Outcome,
    ) -> Self {
        Self {
            bytes,
            id,
            id_span,
            part: Part::Error(error),
            outcome,
        }
    }

    /// The bytes, as received or as last edited.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes, alone.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The id of the request that it answers; none where the request's could not be read.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// The JSON text of the result, where it is one.
    #[must_use]
    pub fn result_json(&self) -> Option<&[u8]> {
        match &self.part {
            Part::Result(span) => self.bytes.get(span.clone()),
            Part::Error(_) => None,
        }
    }

    /// The JSON text of the error, where it is one.
    #[must_use]
    pub fn error_json(&self) -> Option<&[u8]> {
        match &self.part {
            Part::Error(span) => self.bytes.get(span.clone()),
            Part::Result(_) => None,
        }
    }

    /// How the request ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The same response to another id; all other bytes stay, those of an error without an id too.
    #[must_use]
    pub fn with_id(&self, id: &Id) -> Bytes {
        self.addressed(id).into_bytes()
    }

    /// The same as [`with_id`](Self::with_id) gives, read already.
    #[must_use]
    pub fn addressed(&self, id: &Id) -> Self {
        let Some(span) = &self.id_span else {
            return self.clone();
        };
        let bytes = spliced(&self.bytes, span, id.as_json().as_bytes());
        let to = |part: &Range<usize>| moved(part, span, id.as_json().len());
        Self {
            bytes,
            id: Some(id.clone()),
            id_span: Some(to(span)),
            part: match &self.part {
                Part::Result(part) => Part::Result(to(part)),
                Part::Error(part) => Part::Error(to(part)),
            },
            outcome: self.outcome,
        }
    }

    /// The same response with `result` (JSON text) in place of its own; all other bytes stay.
    #[must_use]
    pub fn with_result(&self, result: &[u8]) -> Bytes {
        match &self.part {
            Part::Result(span) => spliced(&self.bytes, span, result),
            Part::Error(_) => self.bytes.clone(),
        }
    }

    /// The same response with a member of its result set, where it has none of that name.
    ///
    /// `value` is JSON text. A result that has the member, or is no object, stays as it is.
    #[must_use]
    pub fn with_result_default(&self, key: &str, value: &str) -> Bytes {
        let (Part::Result(span), Some(result)) = (&self.part, self.result_json()) else {
            return self.bytes.clone();
        };
        let result = Bytes::copy_from_slice(result);
        if !result.starts_with(b"{") || top_level(&result, key).is_some() {
            return self.bytes.clone();
        }
        insert_first(&self.bytes, span, &Member::trusted(key, value))
    }

    /// The same response with a member of its result's `_meta` set, in place of one that may have
    /// its name; all other bytes stay.
    ///
    /// `value` is JSON text. A result that is no object, or whose `_meta` is none, stays as it is.
    #[must_use]
    pub fn with_result_meta(&self, key: &str, value: &str) -> Bytes {
        let (Part::Result(span), Some(result)) = (&self.part, self.result_json()) else {
            return self.bytes.clone();
        };
        let result = Bytes::copy_from_slice(result);
        if !result.starts_with(b"{") {
            return self.bytes.clone();
        }
        let member = Member::trusted(key, value);
        let Some(at) = top_level(&result, "_meta") else {
            let meta = Member::trusted("_meta", &format!("{{{member}}}"));
            return insert_first(&self.bytes, span, &meta);
        };
        let meta = result.slice(at.clone());
        let at = at.start + span.start..at.end + span.start;
        match top_level(&meta, key) {
            Some(old) => {
                let old = old.start + at.start..old.end + at.start;
                spliced(&self.bytes, &old, value.as_bytes())
            }
            None if meta.starts_with(b"{") => insert_first(&self.bytes, &at, &member),
            None => self.bytes.clone(),
        }
    }
}

/// A response that carries `result` (JSON text).
#[must_use]
pub fn result_response(id: &Id, result: &str) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into()
}

/// A response that carries an error; `data` is JSON text. Without an id it answers to `null`.
#[must_use]
pub fn error_response(id: Option<&Id>, code: i64, message: &str, data: Option<&str>) -> Bytes {
    let id = id.map_or("null", Id::as_json);
    let message = serde_json::Value::from(message);
    let data = data
        .map(|data| format!(r#","data":{data}"#))
        .unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}{data}}}}}"#)
        .into()
}
