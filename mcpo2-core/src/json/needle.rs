use std::fmt;

use memchr::memmem::Finder;

/// A name that is looked for in many JSON texts, most of which do not have it.
///
/// ```
/// use mcpo2_core::json::Needle;
/// let text = Needle::new("text");
/// assert!(text.may_stand_in(br#"{"text":1}"#) && text.may_stand_in(br#"{"t\u0065xt":1}"#));
/// assert!(!text.may_stand_in(br#"{"task":1}"#));
/// ```
#[derive(Clone)]
pub struct Needle(Finder<'static>);

impl Needle {
    /// Of this name, decoded.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Finder::new(name.as_bytes()).into_owned())
    }

    /// Whether the name can stand in a text: where this says no, it does not, however it is
    /// written. Quicker than to read the text.
    #[must_use]
    pub fn may_stand_in(&self, text: &[u8]) -> bool {
        // With escapes there are many ways to write it.
        self.0.find(text).is_some() || memchr::memchr(b'\\', text).is_some()
    }
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(self.0.needle());
        f.debug_tuple("Needle").field(&name).finish()
    }
}
