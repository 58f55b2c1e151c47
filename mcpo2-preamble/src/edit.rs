//! Edits of a request that leave every byte which they do not name as it was.

use std::{fmt, sync::LazyLock};

use mcpo2_core::{
    Error, ErrorKind, Message, Request,
    json::{self, Needle},
};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::{META_PREFIX, service::internal};

/// How many stripped keys are named in the trail, and how long each name may be.
const NAMED: (usize, usize) = (16, 64);

/// A request, and the keys that were taken out of it.
type Stripped = (Request, Vec<Box<str>>);

/// The request without the platform's keys in `_meta`, and those keys; none where it has none.
///
/// One pass, however many there are: a message full of them must not cost more than another.
pub(crate) fn without_reserved(request: &Request) -> Result<Option<Stripped>, Error> {
    let Some(meta) = request.meta_json() else {
        return Ok(None);
    };
    static RESERVED: LazyLock<Needle> = LazyLock::new(|| Needle::new(META_PREFIX));
    if !RESERVED.may_stand_in(meta) {
        return Ok(None);
    }
    let meta = json::text(meta).map_err(|error| internal().with_source(error))?;
    let members: Members<'_> = read(meta.as_bytes())?;
    let stripped: Vec<Box<str>> = (members.0.iter())
        .filter(|(key, _)| key.starts_with(META_PREFIX))
        .take(NAMED.0)
        .map(|(key, _)| key.chars().take(NAMED.1).collect())
        .collect();
    if stripped.is_empty() {
        return Ok(None);
    }
    let kept = members.retain(meta, |key| !key.starts_with(META_PREFIX));
    let at = offset(request.bytes(), meta.as_bytes());
    let head = request.bytes().get(..at).unwrap_or_default();
    let tail = request.bytes().get(at + meta.len()..);
    let bytes = [head, kept.as_bytes(), tail.unwrap_or_default()].concat();
    match Message::parse(bytes) {
        Ok(Message::Request(request)) => Ok(Some((request, stripped))),
        Ok(Message::Response(_)) => Err(internal()),
        Err(error) => Err(internal().with_source(error)),
    }
}

/// Whether the caller set this argument.
pub(crate) fn has_argument(request: &Request, name: &str) -> Result<bool, Error> {
    let Some(arguments) = request.arguments() else {
        return Ok(false);
    };
    let members: Members<'_> = read(arguments)
        .map_err(|_| Error::new(ErrorKind::InvalidParams, "`arguments` is not an object"))?;
    Ok(members.0.iter().any(|(key, _)| key == name))
}

/// The request with one more argument, a string, before all others.
pub(crate) fn with_argument(request: &Request, name: &str, text: &str) -> Result<Request, Error> {
    let (name, text) = (quoted(name), quoted(text));
    let old = request.arguments().map(std::str::from_utf8).transpose();
    let old = old.map_err(|error| internal().with_source(error))?;
    let rest = old.unwrap_or("{}").get(1..).unwrap_or("}");
    let comma = match rest.trim_start().starts_with('}') {
        true => "",
        false => ",",
    };
    Ok(request.with_arguments(&format!("{{{name}:{text}{comma}{rest}")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| internal().with_source(error))
}

/// Where a part that was borrowed from `whole` stands in it.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr().addr()).saturating_sub(whole.as_ptr().addr())
}

/// The members of an object in their order, keys decoded.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl Members<'_> {
    /// The text of the object with only those members whose key `keep` keeps; their bytes, and the
    /// white space around them, stay.
    fn retain(&self, object: &str, mut keep: impl FnMut(&str) -> bool) -> String {
        let mut kept = Vec::new();
        let mut start = 1;
        for (index, (key, value)) in self.0.iter().enumerate() {
            let value_end = offset(object.as_bytes(), value.get().as_bytes()) + value.get().len();
            let end = match index + 1 == self.0.len() {
                true => object.len().saturating_sub(1),
                // Behind a value there is only white space before the comma.
                false => (object.get(value_end..).and_then(|rest| rest.find(',')))
                    .map_or(value_end, |comma| value_end + comma),
            };
            if keep(key) {
                kept.push(object.get(start..end).unwrap_or_default());
            }
            start = end + 1;
        }
        format!("{{{}}}", kept.join(","))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(params: &str) -> Request {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        match Message::parse(text).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    #[test]
    fn stripping_leaves_every_other_byte() {
        let before = request(
            r#"{"name":"a", "_meta":{ "z" : [1, 2] , "dev.mcpo2\/preamble":{"id":"x"}, "dev.mcpo2":1 ,"\u0064ev.mcpo2/b":",}" },"v":1e400}"#,
        );
        let (after, stripped) = without_reserved(&before).unwrap().unwrap();
        let expected =
            request(r#"{"name":"a", "_meta":{ "z" : [1, 2] , "dev.mcpo2":1 },"v":1e400}"#);
        assert_eq!(after.bytes(), expected.bytes());
        assert_eq!(
            stripped,
            ["dev.mcpo2/preamble".into(), "dev.mcpo2/b".into()]
        );
        assert!(without_reserved(&after).unwrap().is_none());
    }

    #[test]
    fn an_escape_hides_no_key_however_near_the_end_it_is() {
        for key in [r"dev.mcpo2\/", r"\u0064ev.mcpo2/", "dev.mcpo2/"] {
            let before = request(&format!(r#"{{"name":"a","_meta":{{"{key}":1}}}}"#));
            let (after, _) = without_reserved(&before).unwrap().unwrap();
            assert_eq!(after.bytes(), request(r#"{"name":"a","_meta":{}}"#).bytes());
        }
    }

    #[test]
    fn an_argument_goes_before_all_others() {
        for (before, after) in [
            (
                r#"{"name":"a"}"#,
                r#"{"arguments":{"p":"\"x\""},"name":"a"}"#,
            ),
            (
                r#"{"name":"a","arguments":{ }}"#,
                r#"{"name":"a","arguments":{"p":"\"x\"" }}"#,
            ),
            (
                r#"{"name":"a","arguments":{ "b":1}}"#,
                r#"{"name":"a","arguments":{"p":"\"x\"", "b":1}}"#,
            ),
        ] {
            let edited = with_argument(&request(before), "p", "\"x\"").unwrap();
            assert_eq!(edited.bytes(), request(after).bytes());
            assert!(has_argument(&edited, "p").unwrap());
        }
    }
}
