use std::borrow::Cow;

use super::lexer::Lexer;

/// The members of an object in order: keys resolved, values as they stand.
///
/// The text is one that [`check`](super::check) has passed, or a part of such a one. Of any other
/// it gives what it happens to find, and of what is no object nothing.
///
/// ```
/// let members: Vec<_> = mcpo2_core::json::members(r#" {"\u0061":[1, {}], "b" : "x"} "#).collect();
/// assert_eq!(members, [("a".into(), "[1, {}]"), ("b".into(), "\"x\"")]);
/// ```
#[must_use]
pub fn members(object: &str) -> Members<'_> {
    Members {
        lexer: Lexer::new(object),
        before: b'{',
    }
}

/// What [`members`] gives.
#[derive(Debug)]
pub struct Members<'a> {
    lexer: Lexer<'a>,
    /// What stands before the next one.
    before: u8,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.lexer.space();
        self.lexer.expect(self.before, "").ok()?;
        self.before = b',';
        self.lexer.space();
        let key = self.lexer.string().ok()?;
        let key = match key.contains('\\') {
            true => Cow::Owned(serde_json::from_str(&format!("\"{key}\"")).ok()?),
            false => Cow::Borrowed(key),
        };
        self.lexer.space();
        self.lexer.expect(b':', "").ok()?;
        self.lexer.space();
        Some((key, self.lexer.value()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_has_no_members_and_what_is_broken_does_no_harm() {
        for text in [
            "", "[1]", "7", "\"{\"", "{", "{}", "{ }", "{\"a\"", "{\"a\":", "{1:2}",
        ] {
            assert_eq!(members(text).count(), 0, "{text}");
        }
        for text in [
            "{\"a\":1",
            "{\"a\":[",
            "{\"a\":[}",
            "{\"a\":\"x",
            "{\"a\":{\"b\":\"}",
        ] {
            assert!(members(text).count() < 2, "{text}");
        }
    }
}
