//! Hides from lists what the caller may not use, whatever the arguments.

mod seen;

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use mcpo2_core::{
    Call, Error, ErrorKind, Fact, Filtered, Frame, Item, ItemKind, Message, Principal, Reply,
    Response, Trail,
    message::{ListPage, Listed, retain},
};
use serde_json::value::RawValue;

use crate::{
    Query, Situation, Visibility,
    frames::{Rewrite, rewritten},
    layer::Parts,
};

pub(crate) use self::seen::Seen;

use self::seen::{View, Viewer};

/// Filters the reply to one list.
pub(crate) struct Filter {
    kind: ItemKind,
    parts: Arc<Parts>,
    principal: Arc<Principal>,
    situation: Situation,
    trail: Trail,
    recorded: bool,
}

impl Filter {
    /// The filter for a call, if it asks for a list in which something may be hidden.
    pub(crate) fn for_call(call: &Call, situation: Situation, parts: &Arc<Parts>) -> Option<Self> {
        let kind = call.method().lists()?;
        (!parts.known.engine.is_uniform()).then(|| Self {
            kind,
            parts: Arc::clone(parts),
            principal: Arc::clone(call.principal()),
            situation,
            trail: call.trail().clone(),
            recorded: false,
        })
    }

    /// The reply without what is hidden.
    pub(crate) fn reply(self, mut reply: Reply) -> Result<Reply, Error> {
        if let Some(page) = reply.take_page() {
            return Ok(self.page(reply, page));
        }
        rewritten(reply, self)
    }

    /// The reply that is this page, without what is hidden.
    fn page(&self, reply: Reply, page: ListPage) -> Reply {
        let (entries, engine) = (page.entries(), &self.parts.known.engine);
        let decide = || {
            let shown = engine.visible_of(&mut entries.items(), &|item| self.query(item));
            shown
                .into_iter()
                .map(|shown| shown != Visibility::Denied)
                .collect()
        };
        let view = match self.viewer() {
            Some(viewer) => self.parts.seen.view(entries, viewer, decide),
            None => View::new(entries, decide()).into(),
        };
        let (shown, hidden) = view.count();
        self.trail
            .record(Fact::Filtered(Filtered { shown, hidden }));
        let response = page.private().response(view.text());
        reply.with_response(response)
    }

    fn response(&mut self, response: &Response) -> Result<Bytes, Error> {
        if response.result_json().is_none() {
            return Ok(response.bytes().clone());
        }
        let mut count = Filtered {
            shown: 0,
            hidden: 0,
        };
        let kept = retain(response, self.kind, |entry| {
            let shown = self.shows(entry);
            *(if shown {
                &mut count.shown
            } else {
                &mut count.hidden
            }) += 1;
            shown
        });
        let kept = kept.ok_or_else(|| unreadable("a list whose entries have no names"))?;
        if !std::mem::replace(&mut self.recorded, true) {
            self.trail.record(Fact::Filtered(count));
        }
        Ok(private(kept))
    }

    fn shows(&self, entry: &Listed<'_>) -> bool {
        let Some(name) = entry.name() else {
            return false;
        };
        self.is_visible(&Item::new(self.kind, name))
    }

    fn is_visible(&self, item: &Item) -> bool {
        self.parts.known.engine.visible(&self.query(item)) != Visibility::Denied
    }

    fn query<'q>(&'q self, item: &'q Item) -> Query<'q> {
        let facts = self.parts.known.directory.describe(item);
        Query::listed(item, &self.principal)
            .with_facts(facts)
            .with_situation(&self.situation)
    }

    /// Who sees, as far as it decides what; none where what was seen once says nothing of later.
    fn viewer(&self) -> Option<Viewer> {
        let engine = &self.parts.known.engine;
        let nothing = Item::new(self.kind, "");
        Some(Viewer {
            principal: Arc::clone(&self.principal),
            rules: engine.digest(),
            situation: engine.situation_key(&self.query(&nothing))?,
        })
    }
}

impl Rewrite for Filter {
    fn only(&mut self, message: Bytes) -> Result<Bytes, Error> {
        match Message::parse(message) {
            Ok(Message::Response(response)) => self.response(&response),
            Ok(Message::Request(_)) => Err(unreadable("a request came in place of the response")),
            Err(error) => Err(unreadable(error)),
        }
    }

    fn frame(&mut self, frame: Frame) -> Result<Frame, Error> {
        match Message::parse(frame.data().clone()) {
            // INVARIANT: every response, and not only the one to this id. A client that is lax
            // about ids must not find in another what is hidden here.
            Ok(Message::Response(response)) => Ok(frame.with_data(self.response(&response)?)),
            Ok(Message::Request(_)) => Ok(frame),
            Err(error) => Err(unreadable(error)),
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn unreadable(source: impl Into<mcpo2_core::BoxError>) -> Error {
    Error::new(ErrorKind::Upstream, "the list could not be read").with_source(source)
}

/// The response, no longer to be shared between callers: another may see another list.
///
/// Everything but the value of `cacheScope` stays.
fn private(bytes: Bytes) -> Bytes {
    let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else {
        return bytes;
    };
    let result = response.result_json().unwrap_or_default();
    match around_public_scope(result) {
        Some((head, tail)) => response.with_result(&[head, br#""private""#, tail].concat()),
        None => bytes,
    }
}

/// What stands before and behind the value of `cacheScope`, where that is `public`.
fn around_public_scope(result: &[u8]) -> Option<(&[u8], &[u8])> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(result).ok()?;
    let scope = members.get("cacheScope")?.get();
    let is_public = serde_json::from_str::<String>(scope).is_ok_and(|scope| scope == "public");
    let start = scope.as_ptr().addr().checked_sub(result.as_ptr().addr())?;
    let (head, rest) = result.split_at_checked(start)?;
    is_public.then_some((head, rest.get(scope.len()..)?))
}
