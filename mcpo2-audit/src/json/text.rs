//! Strings, and whether they need an escape.

use std::{fmt::Display, io::Write};

use serde::ser::Error;

/// A quoted string; with escapes, where it needs them, by `serde_json`.
#[inline]
pub(super) fn quoted(to: &mut Vec<u8>, text: &str) -> Result<(), serde_json::Error> {
    if !is_plain(text.as_bytes()) {
        return serde_json::to_writer(to, text);
    }
    plain(to, text);
    Ok(())
}

/// A quoted string that needs no escape.
#[inline]
pub(super) fn plain(to: &mut Vec<u8>, text: &str) {
    debug_assert!(is_plain(text.as_bytes()), "{text:?} needs an escape");
    to.push(b'"');
    to.extend_from_slice(text.as_bytes());
    to.push(b'"');
}

/// The name of a member, behind what stands before it.
#[inline]
pub(super) fn name(to: &mut Vec<u8>, before: u8, name: &'static str) {
    debug_assert!(is_plain(name.as_bytes()), "{name:?} needs an escape");
    to.extend_from_slice(&[before, b'"']);
    to.extend_from_slice(name.as_bytes());
    to.extend_from_slice(b"\":");
}

/// A quoted string of what is displayed.
pub(super) fn displayed<T: Display + ?Sized>(
    to: &mut Vec<u8>,
    value: &T,
) -> Result<(), serde_json::Error> {
    let start = to.len();
    to.push(b'"');
    write!(to, "{value}").map_err(serde_json::Error::custom)?;
    if is_plain(to.get(start.saturating_add(1)..).unwrap_or_default()) {
        to.push(b'"');
        return Ok(());
    }
    to.truncate(start);
    quoted(to, &value.to_string())
}

/// Whether the text stands in JSON as it is.
#[inline]
pub(super) fn is_plain(text: &[u8]) -> bool {
    // The last word overlaps the one before it.
    let Some(last) = text.last_chunk() else {
        let plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
        return text.iter().all(plain);
    };
    let (words, _) = text.as_chunks();
    let found = words.iter().fold(0, |found, word| found | marks(*word));
    found | marks(*last) == 0
}

/// Not zero where one of eight bytes needs an escape. Of the tricks in Sean Anderson's "Bit
/// Twiddling Hacks": whether a word has a zero byte, and whether one less than a number.
#[inline]
fn marks(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_ne_bytes(word);
    let less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let is = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, b' ') | is(b'"') | is(b'\\')) & (ONES << 7)
}
