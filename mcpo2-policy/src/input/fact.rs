use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use crate::native::{Anchor, Decimal, Located, Node};

/// What the platform reads of one argument: the same as its own rules compare.
///
/// A member that is absent is unknown: the text is no path with a single reading, or the number has
/// more digits than every reader keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArgumentFact<'q> {
    /// Its type.
    pub kind: FactKind,
    /// The text, or the truth value as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'q, str>>,
    /// The number in one spelling, `0.75e3`: equal numbers have equal texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The largest integer that is not greater than the number; at the ends of 64 bits it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<i64>,
    /// The least integer that is not less than the number, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceil: Option<i64>,
    /// The text as a path or URL after `..`, `.` and `//` are resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The same without query and fragment, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare: Option<String>,
    /// What the path begins at. Paths of different anchors cannot be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorKind>,
}

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the types of JSON")]
pub enum FactKind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

/// What a path begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorKind {
    /// The root of a file system.
    Root,
    /// A directory that only the server knows.
    Unknown,
    /// A scheme: it is a URL.
    Scheme,
}

impl FactKind {
    /// Its name in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "text",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

impl AnchorKind {
    /// Its name in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Unknown => "unknown",
            Self::Scheme => "scheme",
        }
    }
}

/// What is known of each argument, by its JSON pointer.
pub(crate) fn of_each<'q>(arguments: &'q Node<'_>) -> BTreeMap<String, ArgumentFact<'q>> {
    let mut facts = BTreeMap::new();
    below(arguments, "", &mut facts);
    facts
}

// Arguments nest no deeper than what was checked allows.
fn below<'q>(node: &'q Node<'_>, at: &str, facts: &mut BTreeMap<String, ArgumentFact<'q>>) {
    let mut add = |step: &str, node: &'q Node<'_>| {
        let pointer = format!("{at}/{step}");
        below(node, &pointer, facts);
        facts.insert(pointer, ArgumentFact::of(node));
    };
    match node {
        Node::Object(members) => {
            for (key, node) in members {
                add(&escaped(key), node);
            }
        }
        Node::Array(items) => {
            for (index, node) in items.iter().enumerate() {
                add(&index.to_string(), node);
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {}
    }
}

/// A key as a step of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl<'q> ArgumentFact<'q> {
    fn of(node: &'q Node<'_>) -> Self {
        let blank = |kind| Self {
            kind,
            text: None,
            number: None,
            floor: None,
            ceil: None,
            path: None,
            bare: None,
            anchor: None,
        };
        match node {
            Node::Null => blank(FactKind::Null),
            Node::Array(_) => blank(FactKind::List),
            Node::Object(_) => blank(FactKind::Object),
            Node::Bool(value) => Self {
                text: Some(if *value { "true" } else { "false" }.into()),
                ..blank(FactKind::Bool)
            },
            Node::Number(text) => blank(FactKind::Number).with_number(text),
            Node::Text(text) => blank(FactKind::Text).with_text(text),
        }
    }

    fn with_number(self, text: &str) -> Self {
        let Some(number) = Decimal::parse(text) else {
            return self;
        };
        let (floor, ceil) = number.bounds();
        Self {
            number: Some(number.canonical()),
            floor: Some(floor),
            ceil: Some(ceil),
            ..self
        }
    }

    fn with_text(self, text: &'q str) -> Self {
        let located = Located::argument(text);
        let anchor = located.as_ref().map(|located| match located.anchor {
            Anchor::Root => AnchorKind::Root,
            Anchor::Unknown => AnchorKind::Unknown,
            Anchor::Scheme => AnchorKind::Scheme,
        });
        let (path, bare) = located.map_or((None, None), |it| (Some(it.text), it.bare));
        Self {
            text: Some(Cow::Borrowed(text)),
            path,
            bare,
            anchor,
            ..self
        }
    }
}
