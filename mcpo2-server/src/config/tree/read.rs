//! Reads values into the tree, with their places or without.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use super::{Entry, MAX_DEPTH, MAX_NODES, Node, Position, Text, Value, position};

/// A value with its place.
pub(super) struct Placed(pub(super) Node);

/// A value without.
pub(super) struct Bare(pub(super) Node);

/// What values are read as where they stand in others.
trait Inner: for<'de> Deserialize<'de> {
    type Key: for<'de> Deserialize<'de>;

    fn key(key: Self::Key) -> (Position, String);
    fn node(self) -> Node;
}

impl Inner for Placed {
    type Key = Spanned<String>;

    fn key(key: Spanned<String>) -> (Position, String) {
        (position(key.referenced), key.value)
    }

    fn node(self) -> Node {
        self.0
    }
}

impl Inner for Bare {
    type Key = String;

    fn key(key: String) -> (Position, String) {
        (NOWHERE, key)
    }

    fn node(self) -> Node {
        self.0
    }
}

const NOWHERE: Position = Position {
    line: 0,
    column: 0,
    width: 1,
};

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read: Spanned<Read<Self>> = Deserialize::deserialize(from)?;
        Ok(Self(Node {
            at: position(read.referenced),
            value: read.value.0,
        }))
    }
}

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Read(value, _) = Read::<Self>::deserialize(from)?;
        Ok(Self(Node { at: NOWHERE, value }))
    }
}

/// A value in which others are read as `I`.
struct Read<I>(Value, PhantomData<I>);

impl<'de, I: Inner> Deserialize<'de> for Read<I> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = from.deserialize_any(Reader::<I>(PhantomData))?;
        Ok(Self(value, PhantomData))
    }
}

struct Reader<I>(PhantomData<I>);

impl<'de, I: Inner> Visitor<'de> for Reader<I> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Signed(value), Value::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(Text {
            value: value.to_owned(),
            raw: None,
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<I>()? {
            list.push(item.node());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<I::Key>()? {
            let (at, key) = I::key(key);
            let node = entries.next_value::<I>()?.node();
            map.push(Entry {
                number: 0,
                at,
                key,
                node,
            });
        }
        Ok(Value::Map(map))
    }
}

/// A text that is JSON, as programs write it: it is YAML too, and says the same there. None where
/// it is not, or where that is not certain.
pub(super) fn json(text: &str) -> Option<Bare> {
    // YAML knows more escapes, merges mappings, and does not take tabs everywhere.
    let plain = text.trim_start().starts_with('{')
        && text.is_ascii()
        && !text.contains(['\t', '\u{7f}'])
        && !text.contains("\\u")
        && !text.contains("<<");
    let read: Bare = plain.then(|| serde_json::from_str(text).ok()).flatten()?;
    is_the_same_in_yaml(&read.0, MAX_DEPTH - 1, &mut MAX_NODES.clone()).then_some(read)
}

/// Whether no key stands twice, no number is rounded, and there is not too much of it.
fn is_the_same_in_yaml(node: &Node, depth: usize, left: &mut usize) -> bool {
    let Some(fewer) = left.checked_sub(1) else {
        return false;
    };
    *left = fewer;
    let mut within = |node| match depth.checked_sub(1) {
        Some(depth) => is_the_same_in_yaml(node, depth, left),
        None => false,
    };
    match &node.value {
        Value::Float(_) => false,
        Value::List(items) => items.iter().all(within),
        Value::Map(entries) => {
            let mut keys: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
            keys.sort_unstable();
            let once = keys.windows(2).all(|two| two.first() != two.last());
            once && keys.iter().all(|key| key.len() < 1024)
                && entries.iter().all(|entry| within(&entry.node))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let text = "[ -~\\n]{0,12}";
        let scalar = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            any::<u64>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            (-1e9..1e9).prop_map(|value: f64| json!(value)),
            text.prop_map(|value| json!(value)),
            proptest::sample::select(
                &[
                    "no", "~", "1_0", "0x1", "null", "*a", "!!str x", "# c", "a: b", "<<"
                ][..]
            )
            .prop_map(|value| json!(value)),
        ];
        scalar.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| json!(items)),
                proptest::collection::hash_map(text, inner, 0..5).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_as_json_is_what_yaml_says(value in any_json()) {
            let value = json!({ "value": value });
            for text in [value.to_string(), format!("{value:#}")] {
                if let Some(Bare(json)) = json(&text) {
                    let Bare(yaml) = super::super::yaml(&text).unwrap();
                    prop_assert_eq!(format!("{:?}", json), format!("{:?}", yaml));
                }
            }
        }
    }

    #[test]
    fn what_yaml_refuses_or_reads_otherwise_is_not_read_as_json() {
        assert!(json(r#"{ "a": [1, "b", null] }"#).is_some());
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        let many = format!("{{\"a\":[{}1]}}", "1,".repeat(MAX_NODES));
        for other in [
            "[1]",
            "a: 1",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1.5}"#,
            r#"{"a":123456789012345678901234567890}"#,
            r#"{"a":"\u0041"}"#,
            "{\t\"a\":1}",
            r#"{"<<":{"a":1}}"#,
            r#"{"a":"ä"}"#,
            r#"{"a":1} # so"#,
            &deep,
            &many,
        ] {
            assert!(json(other).is_none(), "{other:.60}");
        }
    }
}
