use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::{Id, Meta, edit, meta::Places};
use crate::{
    Item, Method,
    json::{Member, Pieces, Text},
};

/// A request of MCP, or a notification where it has no id: what was asked, in the bytes it came.
#[derive(Debug, Clone)]
pub struct Request {
    text: Text,
    id: Option<Id>,
    method: Method,
    item: Option<Item>,
    spans: Spans,
}

/// Where the parts stand in the bytes.
#[derive(Debug, Clone)]
pub(super) struct Spans {
    pub(super) id: Option<Range<usize>>,
    pub(super) params: Option<Range<usize>>,
    pub(super) item: Option<Range<usize>>,
    pub(super) arguments: Option<Range<usize>>,
    pub(super) meta: Option<Range<usize>>,
    /// Within `_meta`.
    pub(super) known: Places,
}

impl Request {
    pub(super) fn new(
        text: Text,
        id: Option<Id>,
        (method, item, spans): (Method, Option<Item>, Spans),
    ) -> Self {
        Self {
            text,
            id,
            method,
            item,
            spans,
        }
    }

    /// The bytes, as received or as last edited.
    ///
    /// A long request that was edited is joined for it: who only writes it takes its
    /// [`pieces`](Self::pieces).
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        self.text.whole()
    }

    /// The bytes, to be written somewhere.
    #[must_use]
    pub fn pieces(&self) -> Pieces {
        self.text.pieces()
    }

    /// The id; a notification has none.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The tool, prompt, resource, template or task that it addresses. None where its method
    /// addresses nothing, or where it does and the request does not say what.
    #[must_use]
    pub fn item(&self) -> Option<&Item> {
        self.item.as_ref()
    }

    /// The JSON text of `params`.
    #[must_use]
    pub fn params(&self) -> Option<&[u8]> {
        self.part(self.spans.params.as_ref())
    }

    /// The JSON text of `params.arguments`.
    #[must_use]
    pub fn arguments(&self) -> Option<&[u8]> {
        self.part(self.spans.arguments.as_ref())
    }

    /// What stands before the arguments, and what behind them; where there are none, all and
    /// nothing.
    #[must_use]
    pub fn around_arguments(&self) -> (&[u8], &[u8]) {
        let bytes = self.bytes();
        let at = (self.spans.arguments.clone()).unwrap_or(bytes.len()..bytes.len());
        let before = bytes.get(..at.start).unwrap_or_default();
        (before, bytes.get(at.end..).unwrap_or_default())
    }

    /// The JSON text of `params._meta`.
    #[must_use]
    pub fn meta_json(&self) -> Option<&[u8]> {
        self.part(self.spans.meta.as_ref())
    }

    /// What a gateway reads of `params._meta`; empty where there is none.
    #[must_use]
    pub fn meta(&self) -> Meta<'_> {
        self.spans.known.meta(self.meta_json().unwrap_or_default())
    }

    /// The same request, addressed to `name`; all other bytes stay.
    #[must_use]
    pub fn with_item_name(&self, name: impl Into<Arc<str>>) -> Self {
        match &self.spans.item {
            Some(span) => edit::rename(self, span, name.into()),
            None => self.clone(),
        }
    }

    /// The same request under another id; all other bytes stay. A notification stays as it is.
    #[must_use]
    pub fn with_id(&self, id: &Id) -> Self {
        match &self.spans.id {
            Some(span) => edit::reidentify(self, span, id),
            None => self.clone(),
        }
    }

    /// The same request with `arguments` (JSON text) in place of its own; all other bytes stay.
    #[must_use]
    pub fn with_arguments(&self, arguments: &str) -> Self {
        match &self.spans.arguments {
            Some(span) => edit::replace(self, span, arguments),
            None => edit::insert_param(self, "arguments", arguments),
        }
    }

    /// The same request with a member of `_meta` set to `value` (JSON text); all other bytes stay.
    /// It stays as it is where the value is no JSON text.
    #[must_use]
    pub fn with_meta(&self, key: &str, value: &str) -> Self {
        match Member::new(key, value) {
            Ok(member) => self.with_meta_member(&member),
            Err(_) => self.clone(),
        }
    }

    /// The same request with this member of `_meta`; all other bytes stay.
    #[must_use]
    pub fn with_meta_member(&self, member: &Member) -> Self {
        edit::set_meta(self, member)
    }

    /// The same request without a member of `_meta`; all other bytes stay.
    #[must_use]
    pub fn without_meta(&self, key: &str) -> Self {
        edit::remove_meta(self, key)
    }

    /// The same text with `with` at `at`, and where the parts stand in it.
    pub(super) fn spliced(&self, at: &Range<usize>, with: &[u8]) -> (Text, Spans) {
        (
            self.text.replaced(at, with),
            self.spans.moved(at, with.len()),
        )
    }

    /// The same, where `at` stands in `part`.
    pub(super) fn spliced_in(
        &self,
        part: &Range<usize>,
        at: &Range<usize>,
        with: &[u8],
    ) -> (Text, Spans) {
        (
            self.text.replaced_in(part, at, with),
            self.spans.moved(at, with.len()),
        )
    }

    pub(super) fn spans(&self) -> &Spans {
        &self.spans
    }

    fn part(&self, span: Option<&Range<usize>>) -> Option<&[u8]> {
        self.text.get(span?)
    }
}

impl Spans {
    /// Where the parts stand once `length` bytes are in the place of `at`. What is replaced is one
    /// part as a whole, or has none in it.
    pub(super) fn moved(&self, at: &Range<usize>, length: usize) -> Self {
        let each = |span: &Option<Range<usize>>| span.as_ref().map(|span| moved(span, at, length));
        Self {
            id: each(&self.id),
            params: each(&self.params),
            item: each(&self.item),
            arguments: each(&self.arguments),
            meta: each(&self.meta),
            known: self.known,
        }
    }
}

/// Where a part stands once `length` bytes are in the place of `at`.
pub(super) fn moved(span: &Range<usize>, at: &Range<usize>, length: usize) -> Range<usize> {
    let by = |place: usize| place - at.len() + length;
    if span == at {
        span.start..by(span.end)
    } else if span.start >= at.end {
        by(span.start)..by(span.end)
    } else if span.end > at.end {
        span.start..by(span.end)
    } else {
        span.clone()
    }
}
