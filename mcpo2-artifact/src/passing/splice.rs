use std::ops::Range;

use mcpo2_core::json::{Token, tokens, unescape};

use crate::Reference;

/// A string of the arguments that is a reference: where it stands, with its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Range<usize>,
    pub(super) uri: String,
}

/// The strings that are references from their first character to their last; none where there
/// are none. Keys are no such strings.
pub(super) fn places(arguments: &[u8]) -> Option<Vec<Place>> {
    let text = std::str::from_utf8(arguments).ok()?;
    let start = text.as_ptr().addr();
    let mut places = Vec::new();
    for token in tokens(text) {
        let Ok(Token::Text(raw)) = token else {
            continue;
        };
        let Some(uri) = unescape(raw).filter(|uri| Reference::has_scheme(uri)) else {
            continue;
        };
        // INVARIANT: tokens are slices of the text, and a quote stands on both sides of a string.
        let first = raw.as_ptr().addr().checked_sub(start)?.checked_sub(1)?;
        places.push(Place {
            at: first..first + raw.len() + 2,
            uri: uri.into_owned(),
        });
    }
    (!places.is_empty()).then_some(places)
}

/// The arguments with each of these texts, as a string, in the place of its reference; none where
/// the places are not those of these arguments.
pub(super) fn put(arguments: &[u8], places: &[Place], texts: &[String]) -> Option<String> {
    let text = std::str::from_utf8(arguments).ok()?;
    let mut out = String::with_capacity(text.len() + texts.iter().map(String::len).sum::<usize>());
    let mut from = 0;
    for (Place { at, .. }, put) in places.iter().zip(texts) {
        out.push_str(text.get(from..at.start)?);
        out.push_str(&serde_json::to_string(put).ok()?);
        from = at.end;
    }
    out.push_str(text.get(from..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn only_whole_strings_are_references_and_all_else_stays() {
        let arguments = format!(
            r#"{{ "{URI}":1, "a" : ["{URI}", "see {URI}", 12345678901234567890123],"b":"mcpo2+artifact:\/\/r\/AAAAAAAAAAAAAAAAAAAAAA?bytes=0-1" }}"#
        );
        let places = places(arguments.as_bytes()).unwrap();
        let uris: Vec<_> = places.iter().map(|place| place.uri.as_str()).collect();
        assert_eq!(uris, [URI.to_owned(), format!("{URI}?bytes=0-1")]);
        let texts = ["one \"quoted\"\n".to_owned(), "two".to_owned()];
        assert_eq!(
            put(arguments.as_bytes(), &places, &texts).unwrap(),
            format!(
                r#"{{ "{URI}":1, "a" : ["one \"quoted\"\n", "see {URI}", 12345678901234567890123],"b":"two" }}"#
            )
        );
    }

    #[test]
    fn arguments_without_references_are_left_alone() {
        for arguments in [
            r#"{"a":"b"}"#,
            "{}",
            r#"{"a":"mcpo2+artifacts://r/x"}"#,
            "\u{1}",
        ] {
            assert_eq!(places(arguments.as_bytes()), None, "{arguments}");
        }
    }
}
