use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use super::diagnostic::{Diagnostic, Position};

/// A value of the file, and where it stands.
///
/// The file is read into a tree first, and the tree into the types: so every type stays plain
/// serde, and every finding, of serde or of the checks behind it, still has its place.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text, and how it stands in the file if a reference in it was resolved.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) raw: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    /// Unique in the tree, also where an alias makes two entries of one place.
    pub(crate) number: usize,
    pub(crate) at: Position,
    pub(crate) key: String,
    pub(crate) node: Node,
}

impl Node {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Result<Self, Box<Diagnostic>> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: 32,
                max_nodes: 100_000,
                max_documents: 1,
                max_total_scalar_bytes: 4 << 20,
                max_aliases: 1_000,
                max_anchors: 1_000,
            },
            strict_booleans: true,
            reject_unsupported_tags: true,
        };
        let tree: Spanned<Value> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| syntax(error.without_snippet()))?;
        let mut tree = Self::from(tree);
        tree.number(&mut 0);
        Ok(tree)
    }

    /// The value under this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The entries; none where this is no mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items; none where this is no list.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Where the value at the end of the path stands, or the last on the way that is there. The
    /// steps are parted by `/`; a number is the index in a list.
    pub(crate) fn value_at(&self, path: &str) -> Position {
        self.find(path).unwrap_or_else(|last| last).at
    }

    /// Where the key at the end of the path stands; where it is missing, its mapping.
    pub(crate) fn key_at(&self, path: &str) -> Position {
        let (way, key) = path.rsplit_once('/').unwrap_or(("", path));
        let owner = self.find(way).unwrap_or_else(|last| last);
        let entry = owner.entries().iter().find(|entry| entry.key == key);
        entry.map_or(owner.at, |entry| entry.at)
    }

    /// Visits all texts, in the order of the file.
    pub(crate) fn visit_texts(&self, visit: &mut dyn FnMut(&Self, &Text)) {
        match &self.value {
            Value::Text(text) => visit(self, text),
            Value::List(items) => items.iter().for_each(|item| item.visit_texts(visit)),
            Value::Map(entries) => entries
                .iter()
                .for_each(|entry| entry.node.visit_texts(visit)),
            _ => {}
        }
    }

    /// The node at the end of the path, or the last on the way that is there.
    pub(crate) fn find(&self, path: &str) -> Result<&Self, &Self> {
        path.split('/')
            .filter(|step| !step.is_empty())
            .try_fold(self, |node, step| {
                let item = step
                    .parse()
                    .ok()
                    .and_then(|index: usize| node.items().get(index));
                item.or_else(|| node.get(step)).ok_or(node)
            })
    }

    /// Visits all entries, outer ones first; `visit` may change them, or say that one is to go.
    pub(crate) fn retain(&mut self, visit: &mut impl FnMut(&mut Entry) -> bool) {
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.retain(visit)),
            Value::Map(entries) => {
                entries.retain_mut(&mut *visit);
                entries
                    .iter_mut()
                    .for_each(|entry| entry.node.retain(visit));
            }
            _ => {}
        }
    }

    fn number(&mut self, next: &mut usize) {
        self.retain(&mut |entry| {
            entry.number = *next;
            *next += 1;
            true
        });
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self {
            at: position(spanned.referenced),
            value: spanned.value,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
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
        Value::deserialize(from)
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
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(item.into());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let node = entries.next_value::<Spanned<Value>>()?.into();
            map.push(Entry {
                number: 0,
                at: position(key.referenced),
                key: key.value,
                node,
            });
        }
        Ok(Value::Map(map))
    }
}

fn syntax(error: &serde_saphyr::Error) -> Box<Diagnostic> {
    let at = error.location().map(position).filter(|at| at.line > 0);
    if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or("?");
        return Diagnostic::error(
            "duplicate-key",
            format!("key `{key}` stands twice in its mapping"),
        )
        .help("the first one stands above; keep one of them")
        .at(at)
        .into();
    }
    let message = error.to_string();
    // The location has its own place in a finding.
    let message = match message.split(" at line ").next().unwrap_or_default() {
        text if text.contains("Documents {") => {
            "a second document begins here; there is one in a file"
        }
        text if text.starts_with("budget breached") => {
            "the file is larger or deeper than any configuration"
        }
        text => text,
    };
    Diagnostic::error("syntax", message).at(at).into()
}

fn position(location: Location) -> Position {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Position {
        line: number(location.line()),
        column: number(location.column()),
        width: number(location.span().len()).max(1),
    }
}
