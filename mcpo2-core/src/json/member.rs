use std::fmt;

use super::{Fault, Needle, check};

/// One member of an object as JSON text, checked once and put into as many objects as there are.
///
/// ```
/// use mcpo2_core::json::Member;
///
/// let member = Member::new("dev.example/tier", "[1, 2]").unwrap();
/// assert_eq!(member.to_string(), r#""dev.example/tier":[1, 2]"#);
/// assert!(Member::new("tier", "[1, 2").is_err());
/// ```
#[derive(Clone)]
pub struct Member {
    key: Box<str>,
    needle: Needle,
    /// With the comma that parts it from one behind it.
    text: Box<str>,
    /// How long the value is.
    value: usize,
    /// Whether it could nest too deep in a message.
    deep: bool,
}

/// So many brackets nest nowhere too deep in a message, however they stand.
const SHALLOW: usize = 64;

/// Whether a value could nest too deep in a message, by the number of its brackets.
pub(crate) fn may_be_deep(value: &str) -> bool {
    value.bytes().filter(|b| matches!(b, b'{' | b'[')).count() > SHALLOW
}

impl Member {
    /// A member of this name; `value` is JSON text.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of a value that is no JSON text, or one that two readers could read
    /// differently.
    pub fn new(key: &str, value: &str) -> Result<Self, Fault> {
        check(value.as_bytes())?;
        Ok(Self::trusted(key, value))
    }

    /// Of a value that is checked already.
    pub(crate) fn trusted(key: &str, value: &str) -> Self {
        // To write a string as JSON cannot fail.
        let quoted = serde_json::to_string(key).unwrap_or_default();
        Self {
            key: key.into(),
            needle: Needle::new(key),
            text: format!("{quoted}:{value},").into(),
            value: value.len(),
            deep: may_be_deep(value),
        }
    }

    /// The name, decoded.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether an object could have a member of this name.
    pub(crate) fn may_stand_in(&self, object: &[u8]) -> bool {
        self.needle.may_stand_in(object)
    }

    /// The JSON text of the value.
    #[must_use]
    pub fn value(&self) -> &str {
        let text = self.text();
        let start = text.len().saturating_sub(self.value);
        text.get(start..).unwrap_or_default()
    }

    pub(crate) fn may_be_deep(&self) -> bool {
        self.deep
    }

    /// The JSON text of key and value.
    pub(crate) fn text(&self) -> &str {
        self.before_others().strip_suffix(',').unwrap_or_default()
    }

    /// The same, as it stands before other members.
    pub(crate) fn before_others(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Member({self})")
    }
}
