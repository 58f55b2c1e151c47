//! The words of JSON: strings, numbers, literals.

use std::borrow::Cow;

/// Why a text is refused, and the byte at which that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct Fault {
    reason: &'static str,
    offset: usize,
}

impl Fault {
    pub(crate) fn new(reason: &'static str, offset: usize) -> Self {
        Self { reason, offset }
    }

    /// What is wrong, fit for a client.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// The byte at which it shows, counted from zero.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// What a string says, by what stands between its quotes. None where an escape of it says nothing,
/// as half of a surrogate pair does.
#[must_use]
pub fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    match raw.contains('\\') {
        true => serde_json::from_str(&format!("\"{raw}\""))
            .map(Cow::Owned)
            .ok(),
        false => Some(Cow::Borrowed(raw)),
    }
}

/// A place in a text, and how to go on from there.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Passes the one byte of punctuation that stands here.
    pub(super) fn pass(&mut self) {
        self.at += 1;
    }

    /// Passes a value of a text that is known to be well formed, and gives it.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'"' => drop(self.string().ok()?),
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.at += 1;
                }
                _ => self.scalar().ok()?,
            }
            if open == 0 {
                return self.text.get(start..self.at);
            }
            let stands_between = |byte: &&u8| !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
            self.at += self.rest().iter().take_while(stands_between).count();
        }
    }

    pub(super) fn scalar(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault("expected a JSON value")),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), Fault> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.fault("expected a JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let count = (self.rest().iter().take_while(|byte| byte.is_ascii_digit())).count();
        self.at += count;
        if count == 0 {
            Err(self.fault("expected a digit"))
        } else {
            Ok(())
        }
    }

    /// Passes a string and gives what stands between its quotes, escapes unresolved.
    pub(super) fn string(&mut self) -> Result<&'a str, Fault> {
        self.raw().map(|(inner, _)| inner)
    }

    /// Passes a string and gives what it says. None where an escape of it says nothing.
    pub(super) fn said(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        Ok(match self.raw()? {
            (inner, true) => unescape(inner),
            (inner, false) => Some(Cow::Borrowed(inner)),
        })
    }

    /// What stands between the quotes, and whether there are escapes in it.
    fn raw(&mut self) -> Result<(&'a str, bool), Fault> {
        self.expect(b'"', "expected a string")?;
        let (start, mut escaped) = (self.at, false);
        loop {
            self.at += plain(self.rest());
            match self.peek() {
                Some(b'"') => {
                    let inner = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok((inner, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fault("control character in a string")),
                None => return Err(self.fault("unexpected end of JSON")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let length = match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') => {
                let hex = self.rest().iter().skip(1).take(4);
                if hex.filter(|byte| byte.is_ascii_hexdigit()).count() != 4 {
                    return Err(self.fault("invalid escape"));
                }
                5
            }
            _ => return Err(self.fault("invalid escape")),
        };
        self.at += length;
        Ok(())
    }

    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn expect(&mut self, byte: u8, or: &'static str) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(self.fault(or));
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn fault(&self, reason: &'static str) -> Fault {
        Fault::new(reason, self.at)
    }
}

/// How many bytes at the beginning stand for themselves in a string.
fn plain(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<WORD>();
    for (at, word) in words.iter().take(FEW_WORDS).enumerate() {
        let found = special_in(u64::from_le_bytes(*word));
        if found < WORD {
            return at * WORD + found;
        }
    }
    let passed = words.len().min(FEW_WORDS) * WORD;
    passed + plain_in_many(bytes.get(passed..).unwrap_or_default())
}

const WORD: usize = 8;

/// Most strings are no longer than this; what is made for long ones takes longer to begin.
const FEW_WORDS: usize = 6;

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The place of the first special byte of these, by Mycroft's method; `WORD` where there is none.
fn special_in(word: u64) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of each byte below `n`, which has to be at most 128: the lowest one that is
    // set is right, and only those above it may be set by its borrow.
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let found = (below(word, 0x20) | equal(b'"') | equal(b'\\')) & (ONES << 7);
    usize::try_from(found.trailing_zeros() / 8).unwrap_or(WORD)
}

fn plain_in_many(bytes: &[u8]) -> usize {
    let end = memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
    let text = bytes.get(..end).unwrap_or_default();
    // Whole blocks without a branch in them become vector instructions.
    let (blocks, _) = text.as_chunks::<64>();
    let is_clear = |block: &&[u8; 64]| block.iter().fold(u8::MAX, |least, b| least.min(*b)) >= 0x20;
    let passed = blocks.iter().take_while(is_clear).count() * 64;
    let rest = text.get(passed..).unwrap_or_default();
    passed + rest.iter().take_while(|byte| !is_special(**byte)).count()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_string_ends_where_it_ends_however_long_it_is() {
        for length in 0..200 {
            for end in [b'"', b'\\', b'\n', 0, 0x1f] {
                for filling in [b'x', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xc3, 0xff] {
                    let mut bytes = vec![filling; length];
                    assert_eq!(plain(&bytes), length);
                    bytes.push(end);
                    bytes.extend([b'y'; 70]);
                    assert_eq!(plain(&bytes), length);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_run_of_plain_bytes_is_as_long_as_a_look_at_each_says(
            bytes in vec(prop_oneof![9 => any::<u8>(), 90 => 0x20_u8..=0xff, 1 => Just(b'"')], 0..300),
            from in 0_usize..16,
        ) {
            let bytes = bytes.get(from..).unwrap_or_default();
            let naive = bytes.iter().position(|&byte| is_special(byte));
            prop_assert_eq!(plain(bytes), naive.unwrap_or(bytes.len()));
        }
    }
}
