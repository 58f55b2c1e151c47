//! Lists of tools, prompts, resources and templates: items come and go, their bytes stay.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Response,
    parse::{object, span},
};
use crate::{ItemKind, json::spliced};

/// One entry of a list result, as the module described it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    raw: &'a RawValue,
    key: &'static str,
}

impl<'a> Listed<'a> {
    /// The entries of a list result (JSON text) for items of this kind.
    ///
    /// None where `result` has no such list, or where one of the entries has no name.
    #[must_use]
    pub fn all(result: &'a [u8], kind: ItemKind) -> Option<Vec<Self>> {
        let (member, key) = kind.list_members()?;
        let text = std::str::from_utf8(result).ok()?;
        let members: BTreeMap<Cow<'a, str>, &'a RawValue> = object(text)?;
        let raws: Vec<&'a RawValue> = serde_json::from_str(members.get(member)?.get()).ok()?;
        let listed: Vec<_> = raws.into_iter().map(|raw| Self { raw, key }).collect();
        listed
            .iter()
            .all(|entry| entry.name().is_some())
            .then_some(listed)
    }

    /// The name, URI or URI template.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let members: BTreeMap<Cow<'_, str>, &RawValue> = object(self.raw.get())?;
        serde_json::from_str(members.get(self.key)?.get()).ok()
    }

    /// Its JSON text, to the letter.
    #[must_use]
    pub fn json(&self) -> &'a str {
        self.raw.get()
    }

    /// Its JSON text under another name; all other bytes stay.
    #[must_use]
    pub fn renamed(&self, name: &str) -> String {
        let text = self.raw.get();
        let members: BTreeMap<Cow<'_, str>, &RawValue> = object(text).unwrap_or_default();
        let Some(old) = members.get(self.key) else {
            return text.to_owned();
        };
        let at = span(text, old);
        let parts = (text.get(..at.start), text.get(at.end..));
        let (Some(before), Some(behind)) = parts else {
            return text.to_owned();
        };
        // To write a string as JSON cannot fail.
        let name = serde_json::to_string(name).unwrap_or_default();
        [before, &name, behind].concat()
    }

    /// A member of the entry, decoded.
    #[must_use]
    pub fn member<T: for<'de> Deserialize<'de>>(&self, key: &str) -> Option<T> {
        let members: BTreeMap<Cow<'_, str>, &RawValue> = object(self.raw.get())?;
        serde_json::from_str(members.get(key)?.get()).ok()
    }
}

/// The response with only those entries of its list that `keep` keeps.
///
/// Where all are kept the bytes are the very same. None where the response is no list of this
/// kind: what cannot be read cannot be filtered, so the caller must not send it on.
#[must_use]
pub fn retain(
    response: &Response,
    kind: ItemKind,
    mut keep: impl FnMut(&Listed<'_>) -> bool,
) -> Option<Bytes> {
    let result = response.result_json()?;
    let listed = Listed::all(result, kind)?;
    let kept: Vec<&str> = listed
        .iter()
        .filter(|e| keep(e))
        .map(Listed::json)
        .collect();
    if kept.len() == listed.len() {
        return Some(response.bytes().clone());
    }
    let (member, _) = kind.list_members()?;
    let text = std::str::from_utf8(result).ok()?;
    let members: BTreeMap<Cow<'_, str>, &RawValue> = object(text)?;
    let list = format!("[{}]", kept.join(","));
    let at = span(text, members.get(member)?);
    let result = spliced(result, &at, list.as_bytes());
    Some(response.with_result(&result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn response(text: &'static str) -> Response {
        match Message::parse(text).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!(),
        }
    }

    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"vendor":1,"tools":[ {"name":"a","z":1}, {"x":12345678901234567890123,"name":"b"}],"nextCursor":"c"}}"#;

    #[test]
    fn what_is_kept_keeps_its_bytes() {
        let list = response(LIST);
        assert_eq!(retain(&list, ItemKind::Tool, |_| true).unwrap(), LIST);
        let one = retain(&list, ItemKind::Tool, |e| e.name().as_deref() == Some("b")).unwrap();
        assert_eq!(
            one,
            r#"{"jsonrpc":"2.0","id":1,"result":{"vendor":1,"tools":[{"x":12345678901234567890123,"name":"b"}],"nextCursor":"c"}}"#
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_passed_on() {
        let other = response(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"title":"a"}]}}"#);
        assert!(retain(&other, ItemKind::Tool, |_| true).is_none());
        assert!(retain(&other, ItemKind::Prompt, |_| true).is_none());
    }

    #[test]
    fn a_rename_keeps_the_rest() {
        let list = response(LIST);
        let entries = Listed::all(list.result_json().unwrap(), ItemKind::Tool).unwrap();
        assert_eq!(
            entries[1].renamed("m__b"),
            r#"{"x":12345678901234567890123,"name":"m__b"}"#
        );
    }
}
