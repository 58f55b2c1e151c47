//! Arguments, decoded once, with the digits of their numbers kept.
//!
//! `serde_json::Value` would round `100.00000000000000001` to the limit that it exceeds.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Deref, sync::OnceLock};

use mcpo2_core::json::check;
use memchr::memchr2;

use super::Located;

/// A decoded JSON value.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Text<'a>),
    Array(Vec<Node<'a>>),
    Object(BTreeMap<Cow<'a, str>, Node<'a>>),
}

/// A string, and what it is as a path, once some rule wants to know.
pub(crate) struct Text<'a> {
    text: Cow<'a, str>,
    located: OnceLock<Option<Located>>,
}

impl<'a> Text<'a> {
    fn new(text: Cow<'a, str>) -> Self {
        Self {
            text,
            located: OnceLock::new(),
        }
    }

    /// The path or URL that it is; none where servers could read it differently.
    pub(crate) fn located(&self) -> Option<&Located> {
        let located = || Located::argument(&self.text);
        self.located.get_or_init(located).as_ref()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The value that `bytes` are; none where it has no single reading.
pub(crate) fn decode(bytes: &[u8]) -> Option<Node<'_>> {
    check(bytes).ok().and_then(decode_checked)
}

/// The value that a text is which is checked already; none where it has no single reading.
///
/// What was checked is well formed, nests no deeper than `MAX_DEPTH` and has no key twice. So the
/// reader may recurse, and may take the grammar for granted.
pub(crate) fn decode_checked(text: &str) -> Option<Node<'_>> {
    Reader { rest: text }.value()
}

impl<'a> Node<'a> {
    /// The value at these steps of a JSON pointer.
    pub(crate) fn at(&self, steps: &[Box<str>]) -> Option<&Node<'a>> {
        steps.iter().try_fold(self, |node, step| match node {
            Node::Object(members) => members.get(step.as_ref()),
            Node::Array(items) => items.get(array_index(step)?),
            _ => None,
        })
    }
}

fn array_index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with(['0', '+']);
    canonical.then(|| step.parse().ok()).flatten()
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Node<'a>> {
        match self.peek()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.text().map(|text| Node::Text(Text::new(text))),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Option<Node<'a>> {
        let mut members = BTreeMap::new();
        self.take();
        while self.peek()? != b'}' {
            let key = self.text()?;
            self.peek()?;
            self.take();
            members.insert(key, self.value()?);
            if self.peek()? == b',' {
                self.take();
                self.peek()?;
            }
        }
        self.take();
        Some(Node::Object(members))
    }

    fn array(&mut self) -> Option<Node<'a>> {
        let mut items = Vec::new();
        self.take();
        while self.peek()? != b']' {
            items.push(self.value()?);
            if self.peek()? == b',' {
                self.take();
            }
        }
        self.take();
        Some(Node::Array(items))
    }

    /// A string. One that is no Unicode text (a lone surrogate) is none: servers differ on it.
    fn text(&mut self) -> Option<Cow<'a, str>> {
        let inner = self.rest.as_bytes().get(1..)?;
        let (mut end, mut is_plain) = (0, true);
        loop {
            end += memchr2(b'"', b'\\', inner.get(end..)?)?;
            if inner.get(end) == Some(&b'"') {
                break;
            }
            // Whatever is escaped, its first byte closes nothing.
            (end, is_plain) = (end + 2, false);
        }
        let (token, rest) = self.rest.split_at_checked(end + 2)?;
        self.rest = rest;
        match is_plain {
            true => token.get(1..=end).map(Cow::Borrowed),
            false => serde_json::from_str(token).ok().map(Cow::Owned),
        }
    }

    fn word(&mut self) -> Option<Node<'a>> {
        let ends = |c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace();
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(match word {
            "null" => Node::Null,
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            number => Node::Number(number),
        })
    }

    /// The first byte behind white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.bytes().next()
    }

    /// Steps over one byte of punctuation.
    fn take(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_pointer_with_all_their_digits() {
        let text = br#" { "a" : [ 1, {"b\"\u0041": 1e2 , "c":[]}, "x\\" ] , "" : {} , "n":null}"#;
        let node = decode(text).unwrap();
        let at = |steps: &[&str]| {
            let steps: Vec<Box<str>> = steps.iter().map(|&step| step.into()).collect();
            node.at(&steps).map(|found| format!("{found:?}"))
        };
        assert_eq!(at(&["a", "0"]).unwrap(), r#"Number("1")"#);
        assert_eq!(at(&["a", "1", "b\"A"]).unwrap(), r#"Number("1e2")"#);
        assert_eq!(at(&["a", "2"]).unwrap(), r#"Text("x\\")"#);
        assert_eq!(at(&[""]).unwrap(), "Object({})");
        assert_eq!(at(&["n"]).unwrap(), "Null");
        for absent in [&["a", "00"][..], &["a", "+1"], &["a", "3"], &["n", "x"]] {
            assert_eq!(at(absent), None, "{absent:?}");
        }
    }

    #[test]
    fn what_has_no_single_reading_is_none() {
        for bad in [&br#"{"a":1,"a":2}"#[..], b"{", b"", b"\xff", br#""\ud800""#] {
            assert!(decode(bad).is_none(), "{bad:?}");
        }
    }
}
