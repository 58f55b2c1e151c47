use std::fmt;

use bytes::Bytes;

/// The id of a request: a JSON string or an integer, to the letter.
///
/// `1` and `"1"` are different ids, and an integer keeps all its digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Bytes);

impl Id {
    /// The id that this JSON text is, if it is a string or an integer.
    pub(super) fn read(json: Bytes) -> Option<Self> {
        let digits = json.strip_prefix(b"-").unwrap_or(&json);
        let is_id = json.starts_with(b"\"") || digits.iter().all(u8::is_ascii_digit);
        is_id.then_some(Self(json))
    }

    /// The id that stands for this number.
    #[must_use]
    pub fn number(number: u64) -> Self {
        Self(number.to_string().into())
    }

    /// The id that stands for this text.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self(serde_json::Value::from(text).to_string().into())
    }

    /// The JSON text of the id, with the quotes of a string.
    #[must_use]
    pub fn as_json(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}
