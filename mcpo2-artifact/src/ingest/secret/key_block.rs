use memchr::memmem;

use super::{BEFORE, Found, Place, RuleId};

/// The words of each armour: of PEM (RFC 7468), OpenSSH, OpenPGP and SSH2 (RFC 4716).
const WORDS: &[u8] = b"PRIVATE KEY";

const RULE: RuleId = RuleId("private-key-block");

/// The first armoured private key whose words begin in `from..to`.
pub(super) fn find(bytes: &[u8], from: usize, to: usize) -> Option<(usize, Found)> {
    let end = bytes.len().min(to.saturating_add(WORDS.len()));
    let seen = bytes.get(from..end)?;
    memmem::find_iter(seen, WORDS).find_map(|at| {
        let at = from + at;
        let found = at_words(Place::at(bytes, at)).filter(|_| at < to)?;
        Some((at, found))
    })
}

/// A text that only speaks of keys has the first line, and no key behind it.
fn at_words(place: Place<'_>) -> Option<Found> {
    let label = place.before.iter().rev();
    let label = label.take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b' ');
    let label = place.before.len() - label.count();
    let first_word = place.before.get(label..)?.trim_ascii_start();
    let dashes = place.before.get(..label)?;
    if !first_word.starts_with(b"BEGIN ") || !dashes.ends_with(b"--") {
        return None;
    }
    let key = place.after.get(WORDS.len()..)?;
    let body = longest_body(key.get(..512).unwrap_or(key));
    body.then_some(Found {
        rule: RULE,
        before: (place.before.len() - label + 5).min(BEFORE),
        after: place.after.len(),
    })
}

/// Whether there is a line of a key: 40 letters and digits of base64.
fn longest_body(text: &[u8]) -> bool {
    let is_body = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.split(|byte| !is_body(byte)).any(|line| {
        line.len() >= 40
            && line.iter().any(u8::is_ascii_uppercase)
            && line.iter().any(u8::is_ascii_digit)
    })
}

/// Where the armour that begins before `from` ends, for one who wants to cut it out.
pub(super) fn end(bytes: &[u8], rule: RuleId, from: usize) -> Option<usize> {
    if rule != RULE {
        return None;
    }
    let rest = bytes.get(from..)?;
    let Some(last_line) = memmem::find(rest, b"--END ") else {
        return Some(bytes.len());
    };
    let tail = rest.get(last_line + 6..)?;
    let label = tail
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b' ')
        .count();
    let dashes = tail.iter().skip(label).take_while(|b| **b == b'-').count();
    Some(from + last_line + 6 + label + dashes)
}
