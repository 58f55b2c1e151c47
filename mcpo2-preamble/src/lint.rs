use crate::{MAX_TEXT_BYTES, TextFault};

/// Refuses a text that says to a model what a reviewer would not see.
pub(crate) fn check(text: &str) -> Result<(), TextFault> {
    if text.trim().is_empty() {
        return Err(TextFault::Empty);
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextFault::TooLong);
    }
    match text.char_indices().find(|&(_, c)| is_hidden(c)) {
        Some((at, character)) => Err(TextFault::Character { character, at }),
        None => Ok(()),
    }
}

fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Bidi marks, embeddings, overrides and isolates: UAX #9, table 4.
        '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // Tags: invisible copies of ASCII.
        '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reviewer_cannot_see_is_refused() {
        assert_eq!(check("Be brief.\n\tÄ 🦀 שלום"), Ok(()));
        assert_eq!(check(" \n"), Err(TextFault::Empty));
        assert_eq!(check(&"a".repeat(MAX_TEXT_BYTES)), Ok(()));
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        assert_eq!(check(&long), Err(TextFault::TooLong));
        for character in [
            '\r',
            '\0',
            '\u{7f}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{200f}',
            '\u{e0041}',
        ] {
            let fault = TextFault::Character { character, at: 2 };
            assert_eq!(check(&format!("ab{character}")), Err(fault));
        }
    }
}
