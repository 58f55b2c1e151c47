use std::collections::BTreeMap;

use proptest::{collection, option, prelude::*};
use serde::Serializer;

use super::*;

/// Something of everything that a value can hold.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Value {
    Unit,
    Nothing(()),
    Marker(Marker),
    Bool(bool),
    Signed(i8, i16, i32, i64, i128),
    Unsigned(u8, u16, u32, u64, u128),
    Floats { single: f32, double: f64 },
    Char(char),
    Text(String),
    Bytes(Bytes),
    Shown(Shown),
    Wrapped(Wrapped),
    Pair(Pair),
    Maybe(Option<Box<Self>>),
    List(Vec<Self>),
    Named(BTreeMap<String, Self>),
    Numbered(BTreeMap<i64, bool>),
    Flagged(BTreeMap<bool, u8>),
    Chars(BTreeMap<char, u8>),
    Flat(Flat),
    Empty {},
    None(),
}

#[derive(Debug, Clone, Serialize)]
struct Marker;

#[derive(Debug, Clone, Serialize)]
struct Wrapped(String);

#[derive(Debug, Clone, Serialize)]
struct Pair(String, u64);

#[derive(Debug, Clone, Serialize)]
struct Flat {
    before: Option<String>,
    #[serde(flatten)]
    inner: BTreeMap<String, u8>,
    #[serde(flatten)]
    tagged: Tagged,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u8>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "tag")]
enum Tagged {
    One,
    Two { text: String },
}

#[derive(Debug, Clone)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

#[derive(Debug, Clone)]
struct Shown(String);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Text with much in it that needs an escape, and much that does not.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,80}", "[\u{0}-\u{ff}]{0,40}", any::<String>()]
}

fn flat() -> impl Strategy<Value = Flat> {
    let tagged = option::of(text()).prop_map(|text| match text {
        None => Tagged::One,
        Some(text) => Tagged::Two { text },
    });
    let inner = collection::btree_map(text(), any::<u8>(), 0..3);
    (option::of(text()), inner, tagged, any::<Option<u8>>()).prop_map(
        |(before, inner, tagged, after)| Flat {
            before,
            inner,
            tagged,
            after,
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Unit),
        Just(Value::Nothing(())),
        Just(Value::Marker(Marker)),
        Just(Value::Empty {}),
        Just(Value::None()),
        any::<bool>().prop_map(Value::Bool),
        any::<(i8, i16, i32, i64, i128)>().prop_map(|(a, b, c, d, e)| Value::Signed(a, b, c, d, e)),
        any::<(u8, u16, u32, u64, u128)>()
            .prop_map(|(a, b, c, d, e)| Value::Unsigned(a, b, c, d, e)),
        (proptest::num::f32::ANY, proptest::num::f64::ANY)
            .prop_map(|(single, double)| Value::Floats { single, double }),
        any::<char>().prop_map(Value::Char),
        text().prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(Bytes(bytes))),
        text().prop_map(|text| Value::Shown(Shown(text))),
        text().prop_map(|text| Value::Wrapped(Wrapped(text))),
        (text(), any::<u64>()).prop_map(|(text, number)| Value::Pair(Pair(text, number))),
        any::<BTreeMap<i64, bool>>().prop_map(Value::Numbered),
        any::<BTreeMap<bool, u8>>().prop_map(Value::Flagged),
        any::<BTreeMap<char, u8>>().prop_map(Value::Chars),
        flat().prop_map(Value::Flat),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            option::of(inner.clone()).prop_map(|it| Value::Maybe(it.map(Box::new))),
            collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            collection::btree_map(text(), inner, 0..4).prop_map(Value::Named),
        ]
    })
}

fn written<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    let mut to = b"before".to_vec();
    write(&mut to, value).map_err(|error| error.to_string())?;
    let text = String::from_utf8(to).unwrap();
    Ok(text.strip_prefix("before").unwrap().into())
}

proptest! {
    #[test]
    fn a_value_is_written_as_serde_json_writes_it(value in value()) {
        prop_assert_eq!(written(&value).unwrap(), serde_json::to_string(&value).unwrap());
    }
}

#[test]
fn a_character_is_escaped_wherever_it_stands() {
    let characters = (0..0x100).chain([0x2028, 0xfffd, 0x1f980]);
    for character in characters.filter_map(char::from_u32) {
        for length in 0..20 {
            for at in 0..=length {
                let mut text = "x".repeat(length);
                text.insert(at, character);
                let expected = serde_json::to_string(&text).unwrap();
                assert_eq!(written(&text).unwrap(), expected, "{text:?}");
                assert_eq!(written(&Shown(text)).unwrap(), expected);
            }
        }
    }
}

#[test]
fn a_key_that_is_no_string_is_refused_as_serde_json_refuses_it() {
    let lists = BTreeMap::from([(vec![1], 1)]);
    let options = BTreeMap::from([(None::<u8>, 1)]);
    let units = BTreeMap::from([((), 1)]);
    fn refusals<T: Serialize>(value: &T) -> [String; 2] {
        let expected = serde_json::to_string(value).unwrap_err().to_string();
        [written(value).unwrap_err(), expected]
    }
    for [refused, expected] in [refusals(&lists), refusals(&options), refusals(&units)] {
        assert_eq!(refused, expected);
    }
}
