use std::{borrow::Cow, fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::unescape;

/// The members of one object, in order, and where they stand in its JSON text.
///
/// ```
/// use mcpo2_core::json::Object;
///
/// let text = r#"{"a": 1, "\u0062": [2]}"#;
/// let object = Object::of(text).unwrap();
/// assert_eq!(&text[object.value("b").unwrap()], "[2]");
/// assert_eq!(&text[object.member("b").unwrap()], r#", "\u0062": [2]"#);
/// ```
#[derive(Debug)]
pub struct Object<'a> {
    text: &'a str,
    /// Keys with their quotes and escapes, and values.
    members: Vec<(&'a RawValue, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads an object; none where the text is something else.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        let InOrder(members) = serde_json::from_str(text).ok()?;
        Some(Self { text, members })
    }

    /// The keys, and the values as JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        let members = self.members.iter();
        members.filter_map(|(key, value)| Some((unescape(inner(key)?)?, value.get())))
    }

    /// Where the value of a member stands.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Range<usize>> {
        let (_, value) = self.members.get(self.position(key)?)?;
        Some(self.span(value))
    }

    /// Where a member stands, with one of the commas that part it from the others: what is left
    /// without it is an object.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<Range<usize>> {
        let at = self.position(key)?;
        let (name, value) = self.members.get(at)?;
        let (start, end) = (self.span(name).start, self.span(value).end);
        if self.members.len() > at + 1 {
            // Between a value and the next key stand only spaces and the comma.
            let comma = self.text.get(end..)?.find(',')?;
            return Some(start..end + comma + 1);
        }
        let before = at
            .checked_sub(1)
            .and_then(|before| self.members.get(before));
        Some(before.map_or(start, |(_, value)| self.span(value).end)..end)
    }

    fn position(&self, key: &str) -> Option<usize> {
        let is_key =
            |(raw, _): &(&RawValue, _)| inner(raw).and_then(unescape).as_deref() == Some(key);
        self.members.iter().position(is_key)
    }

    fn span(&self, part: &RawValue) -> Range<usize> {
        let start = part.get().as_ptr().addr();
        let start = start.saturating_sub(self.text.as_ptr().addr());
        start..start + part.get().len()
    }
}

fn inner(key: &RawValue) -> Option<&str> {
    key.get().strip_prefix('"')?.strip_suffix('"')
}

struct InOrder<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for InOrder<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InObject;

        impl<'de> Visitor<'de> for InObject {
            type Value = InOrder<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(InOrder(members))
            }
        }

        from.deserialize_map(InObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_goes_with_one_comma() {
        let text = r#"{ "a":1 , "b" : {"c":","} ,"c":3 }"#;
        let without = |key| {
            let gone = Object::of(text).unwrap().member(key).unwrap();
            let mut text = text.to_owned();
            text.replace_range(gone, "");
            text
        };
        assert_eq!(without("a"), r#"{  "b" : {"c":","} ,"c":3 }"#);
        assert_eq!(without("b"), r#"{ "a":1 , "c":3 }"#);
        assert_eq!(without("c"), r#"{ "a":1 , "b" : {"c":","} }"#);
        let one = r#"{ "a" : 1 }"#;
        assert_eq!(Object::of(one).unwrap().member("a"), Some(2..9));
        assert!(Object::of(one).unwrap().member("b").is_none());
        assert!(Object::of("[1]").is_none());
    }
}
