use std::{borrow::Cow, ops::Range};

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

/// Where the value of a member stands in the text of an object.
pub(crate) fn find(object: &str, key: &str) -> Option<Range<usize>> {
    let mut members = members(object);
    let (_, value) = members.find(|(name, _)| name == key)?;
    let end = members.lexer.at();
    Some(end - value.len()..end)
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
        let key = self.lexer.said().ok()??;
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
    fn a_member_is_found_where_it_stands() {
        let text = r#"{"a":{"b":1}, "\u0062" : [2] }"#;
        assert_eq!(find(text, "b").and_then(|at| text.get(at)), Some("[2]"));
        assert_eq!(find(text, "c"), None);
    }

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
