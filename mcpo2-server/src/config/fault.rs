use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::{
    diagnostic::{Diagnostic, Position},
    tree::{Entry, Node, Value},
};

/// Why a tree is not of a type, and where.
#[derive(Debug)]
pub(crate) struct Fault(Box<Found>);

#[derive(Debug)]
struct Found {
    problem: Problem,
    at: Option<Position>,
    /// The number of the innermost entry whose key or value is at fault.
    entry: Option<usize>,
    /// The number of the outermost entry around it: the section of the file.
    section: Option<usize>,
    /// How the value stands in the file, where it comes from a reference.
    raw: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Problem {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownValue {
        value: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    Type {
        found: String,
        expected: String,
    },
    Other(String),
}

impl Fault {
    /// The same fault; it stands here, unless it is known to stand further in.
    pub(crate) fn within(mut self, at: Position, raw: Option<&str>) -> Self {
        if self.0.at.is_none() {
            self.0.at = Some(at);
            self.0.raw = raw.map(str::to_owned);
        }
        self
    }

    /// The same fault; it is about the key of this entry.
    pub(crate) fn of_key(self, entry: &Entry) -> Self {
        self.within(entry.at, None).inside(entry)
    }

    /// The same fault; it is inside this entry, of which it is told from the inside out.
    pub(crate) fn inside(mut self, entry: &Entry) -> Self {
        self.0.entry.get_or_insert(entry.number);
        self.0.section = Some(entry.number);
        self
    }

    /// Takes the fault out of the tree if that is possible, so that the next can be found: what
    /// is unknown becomes what was probably meant, or its entry goes; where something is missing,
    /// its section goes.
    pub(crate) fn mend(&self, tree: &mut Node) -> Mended {
        let entry = match self.0.problem {
            Problem::MissingKey(_) => self.0.section,
            _ => self.0.entry,
        };
        let Some(number) = entry else {
            return Mended::No;
        };
        let mut meant = match &self.0.problem {
            Problem::UnknownKey { key, known } => {
                nearest(key, known.iter()).filter(|meant| !has_sibling(tree, number, meant))
            }
            Problem::UnknownValue { value, known } => nearest(value, known.iter()),
            Problem::MissingKey(_) | Problem::Type { .. } | Problem::Other(_) => None,
        };
        let mut mended = Mended::No;
        tree.retain(&mut |entry| {
            if entry.number != number {
                return true;
            }
            mended = match (&self.0.problem, &mut entry.node.value, meant.take()) {
                (Problem::UnknownKey { .. }, _, Some(meant)) => {
                    entry.key = meant.to_owned();
                    Mended::Replaced
                }
                (Problem::UnknownValue { value, .. }, Value::Text(text), Some(meant))
                    if text.value == *value =>
                {
                    text.value = meant.to_owned();
                    Mended::Replaced
                }
                (Problem::UnknownKey { .. }, ..) => Mended::Dropped,
                _ => Mended::Lost(entry.key.clone()),
            };
            mended == Mended::Replaced
        });
        mended
    }

    /// The key that is missing, if that is the fault.
    pub(crate) fn missing_key(&self) -> Option<&'static str> {
        match self.0.problem {
            Problem::MissingKey(key) => Some(key),
            _ => None,
        }
    }

    pub(crate) fn into_diagnostic(self) -> Diagnostic {
        let Found {
            problem, at, raw, ..
        } = *self.0;
        let diagnostic = match problem {
            Problem::UnknownKey { key, known } => {
                let diagnostic = Diagnostic::error("unknown-key", format!("unknown key `{key}`"));
                diagnostic.help(suggestion(&key, known, "known here"))
            }
            Problem::UnknownValue { value, known } => {
                let value = raw.unwrap_or(value);
                let diagnostic =
                    Diagnostic::error("unknown-value", format!("unknown value `{value}`"));
                diagnostic.help(suggestion(&value, known, "possible"))
            }
            Problem::MissingKey(key) => {
                Diagnostic::error("missing-key", format!("missing key `{key}`"))
            }
            Problem::Type { found, expected } => {
                // The value of a reference may be a secret.
                let found = raw.map_or(found, |raw| format!("the value of `{raw}`"));
                Diagnostic::error("wrong-type", format!("expected {expected}, found {found}"))
            }
            Problem::Other(message) => {
                let message = match raw {
                    Some(raw) => format!("the value of `{raw}` is not valid here"),
                    None => message,
                };
                Diagnostic::error("invalid-value", message)
            }
        };
        diagnostic.at(at)
    }
}

/// What became of a fault in a tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mended {
    /// It is still there.
    No,
    /// What was probably meant stands there now.
    Replaced,
    /// A key that means nothing is gone, and with it nothing else.
    Dropped,
    /// The value of this key is gone, so that what remains is not what was meant.
    Lost(String),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Found {
            problem,
            at: None,
            entry: None,
            section: None,
            raw: None,
        }))
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Problem::Other(message.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (found, expected) = (plain_found(found), plain_expected(&expected.to_string()));
        Problem::Type { found, expected }.into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(value: &str, known: &'static [&'static str]) -> Self {
        Problem::UnknownValue {
            value: value.to_owned(),
            known,
        }
        .into()
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Problem::UnknownKey {
            key: key.to_owned(),
            known,
        }
        .into()
    }

    fn missing_field(key: &'static str) -> Self {
        Problem::MissingKey(key).into()
    }

    fn duplicate_field(key: &'static str) -> Self {
        Problem::Other(format!("key `{key}` stands twice in its mapping")).into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.problem)
    }
}

impl std::error::Error for Fault {}

/// What was probably meant by `text`, among what there is.
pub(crate) fn nearest<'a>(
    text: &str,
    known: impl IntoIterator<Item = &'a &'a str>,
) -> Option<&'a str> {
    let text = text.to_lowercase().replace('-', "_");
    let near = |known: &&'a str| {
        let distance = strsim::damerau_levenshtein(&text, &known.to_lowercase().replace('-', "_"));
        let part = known.len() >= 3
            && (text.contains(*known) || known.contains(&*text))
            && text.len() >= 3;
        let limit = known.len().max(text.len()).div_ceil(3);
        (distance <= limit || part).then_some((distance, *known))
    };
    known
        .into_iter()
        .filter_map(near)
        .min()
        .map(|(_, known)| known)
}

fn suggestion(text: &str, known: &[&str], relation: &str) -> String {
    match nearest(text, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => format!("nothing is {relation}"),
        None => {
            let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
            format!("{relation}: {}", known.join(", "))
        }
    }
}

fn has_sibling(tree: &Node, number: usize, key: &str) -> bool {
    let entries = tree.entries();
    if entries.iter().any(|entry| entry.number == number) {
        return entries.iter().any(|entry| entry.key == key);
    }
    let nodes = tree
        .items()
        .iter()
        .chain(entries.iter().map(|entry| &entry.node));
    nodes.into_iter().any(|node| has_sibling(node, number, key))
}

fn plain_found(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        Unexpected::Str(text) => {
            format!("the text \"{}\"", text.chars().take(60).collect::<String>())
        }
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number}"),
        Unexpected::Bool(value) => format!("{value}"),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        other => other.to_string(),
    }
}

/// What serde expects, in the words of the file.
fn plain_expected(expected: &str) -> String {
    match expected {
        "a string" | "a borrowed string" => "a text".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a map" => "a mapping".into(),
        "u8" => "a number from 0 to 255".into(),
        "u16" => "a number from 0 to 65535".into(),
        "u32" | "u64" | "usize" => "a number, 0 or more".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a number".into(),
        "f32" | "f64" => "a number".into(),
        _ if expected.starts_with("struct ") || expected.contains("tagged enum") => {
            "a mapping".into()
        }
        _ if expected.starts_with("enum ") || expected == "variant identifier" => "a name".into(),
        other => other.into(),
    }
}
