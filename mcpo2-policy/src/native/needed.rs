use std::sync::OnceLock;

use regex_automata::{
    MatchKind, Span,
    util::{prefilter::Prefilter, syntax},
};
use regex_syntax::hir::{Hir, HirKind};

/// A text of fewer bytes is looked through by the expression itself.
const LONG: usize = 1024;

/// What a long text must hold for an expression to match it.
///
/// An expression over whole texts, such as `.*(password|secret).*`, is followed from the first byte
/// to the last. Whether the words are there at all shows in a fraction of that time, and in most
/// texts they are not.
#[derive(Debug)]
pub(crate) struct Needed {
    pattern: Box<str>,
    /// None where no words are known without which it cannot match. It is made when the first long
    /// text comes, which to most expressions none does.
    words: OnceLock<Option<Prefilter>>,
}

impl Needed {
    /// What this expression needs.
    pub(crate) fn by(pattern: &str) -> Self {
        Self {
            pattern: pattern.into(),
            words: OnceLock::new(),
        }
    }

    /// False only of a text that the expression does not match.
    pub(crate) fn may_be_in(&self, text: &str) -> bool {
        text.len() < LONG || self.is_in(text)
    }

    fn is_in(&self, text: &str) -> bool {
        let words = self.words.get_or_init(|| words(&self.pattern));
        let found = |words: &Prefilter| words.find(text.as_bytes(), Span::from(0..text.len()));
        words.as_ref().is_none_or(|words| found(words).is_some())
    }
}

/// How many parts of an expression are looked at.
const PARTS: usize = 32;

/// The longest words with which what follows on some part has to begin: all parts have to match.
fn words(pattern: &str) -> Option<Prefilter> {
    let whole = syntax::parse(pattern).ok()?;
    let parts = parts(&whole);
    let from = |at: usize| {
        let rest = Hir::concat(parts.get(at..)?.to_vec());
        Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, &rest)
    };
    let words = (0..parts.len().min(PARTS)).filter_map(from);
    words
        .filter(Prefilter::is_fast)
        .max_by_key(Prefilter::max_needle_len)
}

fn parts(hir: &Hir) -> &[Hir] {
    match hir.kind() {
        HirKind::Concat(parts) => parts,
        HirKind::Capture(group) => parts(&group.sub),
        _ => std::slice::from_ref(hir),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn words_are_known_of_expressions_that_have_some() {
        for pattern in [
            ".*(password|secret).*",
            "(?s)(.*secret.*)",
            "rm -rf .*",
            "[a-z]*(?i:drop) table",
            "(?i).*drop tab.*",
        ] {
            let needed = Needed::by(pattern);
            assert!(!needed.is_in("nothing of the kind"), "{pattern}");
            assert!(
                needed.is_in("a secret to dROP table, rm -rf /"),
                "{pattern}"
            );
        }
        for pattern in [".*", "", "a*|b", "[^x]+", r"\d?"] {
            assert!(Needed::by(pattern).is_in("?"), "{pattern}");
        }
    }

    #[test]
    fn a_short_text_is_left_to_the_expression() {
        let needed = Needed::by(".*secret.*");
        assert!(needed.may_be_in("x"));
        assert!(!needed.may_be_in(&"x".repeat(LONG)));
        assert!(needed.may_be_in(&format!("{}secret", "x".repeat(LONG))));
    }

    /// Any text that is matched by expressions of a few letters, and others.
    fn expression() -> impl Strategy<Value = String> {
        let leaf = "[abc]{1,3}|\\.|\\^|\\$|\\\\b|\\[\\^a\\]|\\[ab\\]";
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                proptest::collection::vec(inner.clone(), 2..4)
                    .prop_map(|parts| format!("({})", parts.join("|"))),
                (
                    inner.clone(),
                    proptest::sample::select(vec!["*", "+", "?", "{2}", "{0,1}"])
                )
                    .prop_map(|(part, times)| format!("(?:{part}){times}")),
                inner.prop_map(|part| format!("(?i:{part})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn what_is_matched_as_a_whole_has_what_is_needed(
            pattern in expression(),
            text in "[abcABC \n]{0,12}",
        ) {
            let Ok(whole) = Regex::new(&format!(r"\A(?:{pattern})\z")) else {
                return Ok(());
            };
            if whole.is_match(&text) {
                prop_assert!(Needed::by(&pattern).is_in(&text));
            }
        }
    }
}
