mod read;

use serde::Deserialize;
use serde_saphyr::Location;

use self::read::{Bare, Placed};
use super::diagnostic::{Diagnostic, Position};

/// How deep values may nest.
const MAX_DEPTH: usize = 32;
/// How many values there may be.
const MAX_NODES: usize = 100_000;

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

impl Default for Node {
    /// What stands nowhere and says nothing.
    fn default() -> Self {
        Self {
            at: Position {
                line: 0,
                column: 0,
                width: 1,
            },
            value: Value::Null,
        }
    }
}

impl Node {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Result<Self, Box<Diagnostic>> {
        let Placed(mut tree) = yaml(text)?;
        tree.number(&mut 0);
        Ok(tree)
    }

    /// The same without the places, in half the time or less; none where anything is wrong.
    pub(crate) fn parse_bare(text: &str) -> Option<Self> {
        let bare = match read::json(text) {
            Some(bare) => Some(bare),
            None => yaml(text).ok(),
        };
        let Bare(mut tree) = bare?;
        tree.number(&mut 0);
        Some(tree)
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

fn yaml<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_documents: 1,
            max_total_scalar_bytes: 4 << 20,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        strict_booleans: true,
        reject_unsupported_tags: true,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| syntax(error.without_snippet()))
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
