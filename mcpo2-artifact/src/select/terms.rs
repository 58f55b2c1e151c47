//! Words of code and of prose, cut and stemmed alike, so that `FooBars`, `foo_bar` and "foo bar" meet.

use std::borrow::Cow;

/// Longer words are data, not words.
const LONGEST: usize = 64;

/// Calls back with each term of a text: the parts of each word and, where it has several, all of them as one.
pub(super) fn each_term(text: &str, mut take: impl FnMut(&str, Part)) {
    let mut scratch = String::new();
    for word in words(text) {
        if word.len() > LONGEST {
            continue;
        }
        let mut parts = 0_u32;
        scratch.clear();
        for part in Parts(word) {
            parts += 1;
            let lower = part.to_lowercase();
            take(&stem(&lower), Part::Of(word));
            scratch.push_str(&lower);
        }
        if parts > 1 {
            take(&scratch, Part::Whole(word));
        }
    }
}

/// Which piece of a word a term is.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// One of the parts of this word, maybe the only one.
    Of(&'a str),
    /// The whole of this word, which has several parts.
    Whole(&'a str),
}

/// Runs of letters, digits and underscores.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
        .map(|word| word.trim_matches('-'))
        .filter(|word| {
            word.bytes()
                .any(|b| !matches!(b, b'_' | b'-' | b'0'..=b'9'))
        })
}

/// The parts of a word: `HTTPServer_v2` is `HTTP`, `Server`, `v2`.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let word = self.0.trim_start_matches(['_', '-']);
        if word.is_empty() {
            return None;
        }
        let (part, rest) = word.split_at_checked(border(word)).unwrap_or((word, ""));
        self.0 = rest;
        Some(part)
    }
}

/// Where the first part of a word ends.
fn border(word: &str) -> usize {
    let mut before: Option<char> = None;
    let mut chars = word.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let breaks = match before {
            _ if matches!(c, '_' | '-') => true,
            Some(b) if c.is_uppercase() => {
                !b.is_uppercase() || next.is_some_and(|n| n.is_lowercase() && n != 's')
            }
            _ => false,
        };
        if breaks && at > 0 {
            return at;
        }
        before = Some(c);
    }
    word.len()
}

/// A light stem: endings of English plurals and verbs fall away, so that `merging`, `merged` and `merges` meet.
pub(super) fn stem(word: &str) -> Cow<'_, str> {
    if word.len() < 4 || !word.is_ascii() {
        return Cow::Borrowed(word);
    }
    if let Some(base) = word.strip_suffix("ies").filter(|base| base.len() > 2) {
        return Cow::Owned(format!("{base}y"));
    }
    let word = match word.strip_suffix('s') {
        Some(base) if !base.ends_with(['s', 'u', 'i']) => base,
        _ => word,
    };
    let base = [("ing", 3), ("ed", 3), ("ion", 4), ("er", 4), ("or", 4)]
        .into_iter()
        .find_map(|(ending, least)| word.strip_suffix(ending).filter(|base| base.len() >= least));
    let base = base
        .filter(|base| base.bytes().any(|b| b"aeiouy".contains(&b)))
        .unwrap_or(word);
    let undoubled = match base.as_bytes() {
        [.., a, b] if a == b && base.len() < word.len() && !b"lsz".contains(b) => {
            base.get(..base.len() - 1)
        }
        _ => base.strip_suffix('e'),
    };
    Cow::Borrowed(undoubled.unwrap_or(base))
}

/// Words that say nothing about a place in code.
pub(super) fn is_stop(word: &str) -> bool {
    STOP.binary_search(&word).is_ok()
}

const STOP: &[&str] = &[
    "a",
    "about",
    "actual",
    "actually",
    "after",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "but",
    "by",
    "can",
    "cannot",
    "could",
    "did",
    "do",
    "does",
    "doesn",
    "don",
    "during",
    "each",
    "either",
    "etc",
    "even",
    "expected",
    "fix",
    "fixed",
    "fixes",
    "for",
    "from",
    "get",
    "give",
    "got",
    "had",
    "has",
    "have",
    "having",
    "here",
    "how",
    "however",
    "i",
    "if",
    "in",
    "instead",
    "into",
    "is",
    "isn",
    "issue",
    "it",
    "its",
    "just",
    "know",
    "like",
    "make",
    "makes",
    "may",
    "me",
    "might",
    "more",
    "most",
    "much",
    "must",
    "my",
    "need",
    "needed",
    "needs",
    "no",
    "not",
    "now",
    "of",
    "on",
    "one",
    "only",
    "or",
    "other",
    "our",
    "out",
    "over",
    "please",
    "pr",
    "problem",
    "rather",
    "same",
    "see",
    "should",
    "since",
    "so",
    "some",
    "something",
    "still",
    "such",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "think",
    "this",
    "those",
    "though",
    "through",
    "to",
    "too",
    "up",
    "use",
    "used",
    "uses",
    "using",
    "very",
    "want",
    "was",
    "way",
    "we",
    "well",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "who",
    "why",
    "will",
    "with",
    "within",
    "without",
    "work",
    "works",
    "would",
    "yes",
    "yet",
    "you",
    "your",
];
