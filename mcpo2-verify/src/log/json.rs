//! Finds members of JSON objects, and nothing more: what it does not understand it does not find.

/// The text of a value in an object in an object: `outer` and then `inner`.
///
/// `None` where either is missing, stands there twice, or is written with escapes.
pub(super) fn find<'a>(object: &'a str, outer: &str, inner: &str) -> Option<&'a str> {
    member(member(object, outer)?, inner)
}

/// The text between the quotation marks of a string without escapes.
pub(super) fn plain_string(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains(['"', '\\'])).then_some(text)
}

fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = object.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut found = None;
    while !rest.is_empty() {
        let (key, behind) = value(rest)?;
        let behind = behind.trim_start().strip_prefix(':')?.trim_start();
        let (text, behind) = value(behind)?;
        if plain_string(key) == Some(name) && found.replace(text).is_some() {
            return None;
        }
        rest = match behind.trim_start() {
            "" => "",
            more => more.strip_prefix(',')?.trim_start(),
        };
    }
    found
}

/// The text of the value at the front, and what stands behind it.
fn value(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth = depth.checked_add(1)?,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' | b':' if depth == 0 => return split(text, at),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then(|| split(text, text.len()))?
}

fn split(text: &str, at: usize) -> Option<(&str, &str)> {
    let (value, rest) = text.split_at_checked(at)?;
    let value = value.trim_end();
    (!value.is_empty()).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_where_they_stand() {
        let object = r#" {"a":{"b":"x}\"","c":[{"d":1},2]},"e" : {"c": 7 , "b":"y"} } "#;
        assert_eq!(find(object, "a", "b"), Some(r#""x}\"""#));
        assert_eq!(find(object, "a", "c"), Some(r#"[{"d":1},2]"#));
        assert_eq!(find(object, "e", "c"), Some("7"));
        assert_eq!(find(object, "e", "d"), None);
        assert_eq!(find(object, "b", "c"), None);
        assert_eq!(plain_string(r#""y""#), Some("y"));
        assert_eq!(plain_string(r#""\u0079""#), None);
    }

    #[test]
    fn what_is_ambiguous_or_broken_is_not_found() {
        for object in [
            r#"{"a":{"b":1},"a":{"b":2}}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":{"b":1}"#,
            r#"{"a":{"b":1}},{}"#,
            r#"{"a":{"b":}}"#,
            r#"{"a" {"b":1}}"#,
            r#"{"a":"{\"b\":1}"}"#,
            r#"{"\u0061":{"b":1}}"#,
            "[]",
            "",
        ] {
            assert_eq!(find(object, "a", "b"), None, "{object}");
        }
    }
}
