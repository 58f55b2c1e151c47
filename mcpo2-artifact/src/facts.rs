//! Facts about a file that follow from its name and bytes alone: language, lines, tokens, symbols, flags.
//!
//! They are derived, so they are no part of an artifact's identity. Whoever keeps them keys them by the digest, the
//! path and [`ANALYSER`], and makes them anew when one of these changes.

mod define;
mod flags;
mod language;
mod symbols;
mod tokens;

pub use flags::Flags;
pub use language::Language;
pub use symbols::{Symbol, SymbolKind};
pub use tokens::TokenEstimate;

use std::borrow::Cow;

/// Changes whenever [`analyse`] or what is indexed of a text changes.
pub const ANALYSER: u16 = 1;

/// The name of [`analyse`] over a block of what it found ([`Derived`](crate::manifest::Derived)).
pub const ANALYSER_NAME: &str = "mcpo2-facts-1";

const _: () = assert!(ANALYSER == 1, "the name has the version in it");

/// Beyond this many bytes a text is not looked into for symbols.
pub const MOST_BYTES: usize = 2 << 20;

/// How the bytes of a file become text.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// It is UTF-8.
    Utf8,
    /// It is text, and what is not UTF-8 in it reads as U+FFFD.
    Lossy,
    /// It is no text.
    Binary,
}

/// What [`analyse`] found.
///
/// Its bytes are for a block beside a manifest:
///
/// ```
/// use mcpo2_artifact::{facts::{self, Facts, analyse}, manifest::{Content, Derived, Entry, Mode}};
/// use mcpo2_core::Digest;
/// let text = b"fn main() {}\n";
/// let content = Content::File { mode: Mode::Plain, size: 13, digest: Digest::of(text) };
/// let entry = Entry::new("src/main.rs".parse()?, content);
/// let found = analyse(entry.path().as_str(), text);
///
/// let block = Derived::new(facts::ANALYSER_NAME, [(entry.leaf(), found.to_bytes())])?;
/// let kept = Facts::from_bytes(block.facts(&entry).unwrap())?;
/// assert_eq!(kept, found);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Facts {
    /// What it is written in; none where that is unknown.
    pub language: Option<Language>,
    /// How its bytes become text.
    pub encoding: Encoding,
    /// The number of lines; a last one without an end counts. 0 for a binary.
    pub lines: u32,
    /// About how many tokens its text is. 0 for a binary.
    pub tokens: TokenEstimate,
    /// What kind of file it is.
    pub flags: Flags,
    /// What it defines, in the order of the lines.
    pub symbols: Vec<Symbol>,
}

impl Facts {
    /// Its bytes, JSON: always the same of the same facts.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Nothing of it can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The facts in these bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidFacts`] for what is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidFacts> {
        serde_json::from_slice(bytes).map_err(InvalidFacts)
    }
}

/// Bytes are no facts of this analyser.
#[derive(Debug, thiserror::Error)]
#[error("not facts of {ANALYSER_NAME}")]
pub struct InvalidFacts(#[source] serde_json::Error);

/// The facts of a file. Any bytes will do: this neither fails nor grows beyond a multiple of them.
///
/// ```
/// use mcpo2_artifact::facts::{Flags, Language, analyse};
/// let facts = analyse("src/parse.rs", b"/// Parses.\npub fn parse(text: &str) {\n    todo()\n}\n");
/// assert_eq!(facts.language, Some(Language::Rust));
/// assert_eq!((facts.lines, &*facts.symbols[0].name), (4, "parse"));
/// assert_eq!((facts.symbols[0].first, facts.symbols[0].last), (1, 4));
/// assert!(!facts.flags.has(Flags::TEST));
/// ```
#[must_use]
pub fn analyse(path: &str, bytes: &[u8]) -> Facts {
    let language = Language::detect(path, bytes);
    let flags = Flags::of_path(path);
    let encoding = encoding(bytes);
    let Some(text) = text(encoding, bytes) else {
        return Facts {
            language,
            encoding,
            lines: 0,
            tokens: TokenEstimate::default(),
            flags,
            symbols: Vec::new(),
        };
    };
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    let symbols = match language {
        Some(language) if text.len() <= MOST_BYTES => symbols::symbols(language, &text),
        _ => Vec::new(),
    };
    Facts {
        language,
        encoding,
        lines,
        tokens: TokenEstimate::of(&text),
        flags: flags.with(Flags::of_text(&text, lines)),
        symbols,
    }
}

/// The text of these bytes, none for a binary. What is not UTF-8 in a text reads as U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    text(encoding(bytes), bytes)
}

/// The beginning of a text, at most so many bytes of it.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or(text)
}

fn text(encoding: Encoding, bytes: &[u8]) -> Option<Cow<'_, str>> {
    (encoding != Encoding::Binary).then(|| String::from_utf8_lossy(bytes))
}

fn encoding(bytes: &[u8]) -> Encoding {
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or_default();
    if head.contains(&0) {
        return Encoding::Binary;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Encoding::Utf8;
    }
    // A text in another encoding has a stray byte here and there; a binary has many.
    let lossy = String::from_utf8_lossy(head);
    let strange = lossy
        .chars()
        .filter(|c| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace()));
    if strange.count() * 10 > lossy.chars().count() {
        Encoding::Binary
    } else {
        Encoding::Lossy
    }
}
