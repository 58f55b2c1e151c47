//! A page of a list that is made here: its entries need not be found in its bytes again.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::{Id, Outcome, Response};
use crate::{Item, ItemKind};

/// The entries of one page of a list, shared by all who are shown some of them.
///
/// ```
/// use mcpo2_core::{Id, Item, ItemKind, message::{ListPage, PageEntries}};
///
/// let entries = [("a", r#"{"name":"a"}"#), ("b", r#"{"name":"b"}"#)];
/// let entries = entries.map(|(name, json)| (Item::new(ItemKind::Tool, name), json));
/// let page = ListPage::new(PageEntries::new(ItemKind::Tool, entries).into(), &Id::number(1));
/// assert_eq!(
///     page.message(|at| at == 1),
///     r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"b"}]}}"#
/// );
/// ```
#[derive(Debug)]
pub struct PageEntries {
    kind: ItemKind,
    /// The JSON texts, with commas between them.
    text: Bytes,
    entries: Vec<(Item, Range<usize>)>,
}

impl PageEntries {
    /// These items of this kind, each with its JSON text.
    pub fn new<J: AsRef<str>>(
        kind: ItemKind,
        entries: impl IntoIterator<Item = (Item, J)>,
    ) -> Self {
        let (mut text, mut spans) = (String::new(), Vec::new());
        for (item, json) in entries {
            if !text.is_empty() {
                text.push(',');
            }
            let start = text.len();
            text.push_str(json.as_ref());
            spans.push((item, start..text.len()));
        }
        Self {
            kind,
            text: text.into(),
            entries: spans,
        }
    }

    /// The same entries and these behind them.
    #[must_use]
    pub fn and<J: AsRef<str>>(&self, entries: impl IntoIterator<Item = (Item, J)>) -> Self {
        let texts = self.entries.iter().map(|(item, span)| {
            let text = self.text.get(span.clone()).unwrap_or_default();
            (item.clone(), String::from_utf8_lossy(text).into_owned())
        });
        let behind = entries.into_iter();
        let behind = behind.map(|(item, json)| (item, json.as_ref().to_owned()));
        Self::new(self.kind, texts.chain(behind))
    }

    /// What is on the page, by the names that callers know.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &Item> {
        self.entries.iter().map(|(item, _)| item)
    }

    /// The JSON texts of its entries, with commas between them.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The JSON texts of those whose numbers `keep` keeps, likewise; nothing is copied where that
    /// is all.
    #[must_use]
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Bytes {
        let kept = self.entries.iter().enumerate().filter(|(at, _)| keep(*at));
        // Neighbours that are kept go in one piece, commas and all.
        let mut pieces: Vec<Range<usize>> = Vec::new();
        for (_, (_, span)) in kept {
            match pieces.last_mut() {
                Some(before) if before.end + 1 == span.start => before.end = span.end,
                _ => pieces.push(span.clone()),
            }
        }
        let piece = |piece: Range<usize>| self.text.get(piece).unwrap_or_default();
        match pieces.as_slice() {
            [all] if *all == (0..self.text.len()) => self.text.clone(),
            _ => {
                let pieces: Vec<_> = pieces.into_iter().map(piece).collect();
                pieces.join(&b',').into()
            }
        }
    }
}

/// One page of a list as the answer to one request.
///
/// Who makes a reply of it ([`Reply::page`](crate::Reply::page)) leaves it there as it is, so that
/// who takes entries out need not read the bytes, and those of entries nobody sees are not written.
#[derive(Debug, Clone)]
pub struct ListPage {
    entries: Arc<PageEntries>,
    id: Id,
    members: String,
    /// Whether others may be shown the same; none where the answer does not say.
    public: Option<bool>,
}

impl ListPage {
    /// These entries as the answer to this request.
    #[must_use]
    pub fn new(entries: Arc<PageEntries>, id: &Id) -> Self {
        Self {
            entries,
            id: id.clone(),
            members: String::new(),
            public: None,
        }
    }

    /// The same with a member of the result behind its entries; `value` is JSON text.
    #[must_use]
    pub fn with_member(mut self, key: &str, value: &str) -> Self {
        self.members.push_str(&format!(r#","{key}":{value}"#));
        self
    }

    /// The same, where others may be shown the same or may not.
    #[must_use]
    pub fn with_scope(mut self, public: bool) -> Self {
        self.public = Some(public);
        self
    }

    /// The same for one caller alone, where it says for whom it is.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.public = self.public.map(|_| false);
        self
    }

    /// What is on the page, by itself: who remembers something of it knows it by this `Arc`.
    #[must_use]
    pub fn entries(&self) -> &Arc<PageEntries> {
        &self.entries
    }

    /// The answer with those entries whose numbers `keep` keeps, to the letter.
    #[must_use]
    pub fn message(&self, keep: impl Fn(usize) -> bool) -> Bytes {
        self.response(&self.entries.only(keep)).into_bytes()
    }

    /// The answer with some of the entries: [`PageEntries::text`] of all of them, or what
    /// [`PageEntries::only`] gave.
    ///
    /// It is not read again, so what `shown` says is what it is said to be.
    #[must_use]
    pub fn response(&self, shown: &Bytes) -> Response {
        let (id, members) = (self.id.as_json(), self.members.as_bytes());
        let kind = self.entries.kind.list_members();
        let member = kind.map_or("", |(member, _)| member).as_bytes();
        let scope = match self.public {
            Some(true) => br#","cacheScope":"public""#.as_slice(),
            Some(false) => br#","cacheScope":"private""#,
            None => b"",
        };
        let head = br#"{"jsonrpc":"2.0","id":"#.as_slice();
        let to_result = br#","result":"#.as_slice();
        let parts = [
            head,
            id.as_bytes(),
            to_result,
            br#"{""#,
            member,
            br#"":["#,
            shown,
            b"]",
            members,
            scope,
            b"}}",
        ];
        let bytes = Bytes::from(parts.concat());
        let id = head.len()..head.len() + id.len();
        let result = id.end + to_result.len()..bytes.len().saturating_sub(1);
        Response::result(bytes, self.id.clone(), (Some(id), result), Outcome::Result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn any_choice_of_entries_is_a_list_of_just_these() {
        let names = ["a", "b", "c", "d"];
        let entries = names.map(|name| {
            let json = format!(r#"{{ "name":"{name}","x":1e400}}"#);
            (Item::new(ItemKind::Tool, name), json)
        });
        let entries = Arc::new(PageEntries::new(ItemKind::Tool, entries));
        let page = ListPage::new(Arc::clone(&entries), &Id::string("1"))
            .with_member("ttlMs", "7")
            .with_scope(true);
        assert_eq!(entries.items().len(), 4);
        for choice in 0_u8..16 {
            let keep = |at: usize| choice >> at & 1 == 1;
            let bytes = page.clone().private().message(keep);
            let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else {
                unreachable!("{bytes:?}");
            };
            assert_eq!(response.outcome(), Outcome::Result);
            let result = response.result_json().unwrap();
            let listed = super::super::Listed::all(result, ItemKind::Tool).unwrap();
            let listed: Vec<_> = listed
                .iter()
                .filter_map(super::super::Listed::name)
                .collect();
            let kept = names.iter().enumerate().filter(|(at, _)| keep(*at));
            let kept: Vec<_> = kept.map(|(_, name)| (*name).to_owned()).collect();
            assert_eq!(listed, kept);
            assert!(bytes.ends_with(br#"],"ttlMs":7,"cacheScope":"private"}}"#));
            let made = page.clone().private().response(&entries.only(keep));
            assert_eq!(format!("{made:?}"), format!("{response:?}"));
        }
        let all = String::from_utf8(page.message(|_| true).to_vec()).unwrap();
        let text = std::str::from_utf8(entries.text()).unwrap();
        assert!(all.contains(&format!("[{text}]")));
    }
}
