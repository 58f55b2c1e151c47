use std::fmt::{self, Write as _};

/// A JSON object that is written member by member.
pub(super) struct Object(String);

/// What can be a member.
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Bool(bool),
    /// JSON that was written before.
    Json(String),
    Null,
}

impl Object {
    pub(super) const fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn with<'a>(mut self, name: &str, value: impl Into<Value<'a>>) -> Self {
        let comma = if self.0.is_empty() { '{' } else { ',' };
        self.0.push(comma);
        self.0.push_str(&quoted(name));
        self.0.push(':');
        // a string takes all that is written to it
        _ = write!(self.0, "{}", value.into());
        self
    }

    pub(super) fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Json(json) => f.write_str(json),
            Self::Null => f.write_str("null"),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<String> for Value<'_> {
    fn from(json: String) -> Self {
        Self::Json(json)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A JSON array of texts.
pub(super) fn array(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(","))
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
