//! The words of JSON: strings, numbers, literals.

/// Why a text is refused, and the byte at which that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct Fault {
    reason: &'static str,
    offset: usize,
}

impl Fault {
    pub(super) fn new(reason: &'static str, offset: usize) -> Self {
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

/// A place in a text, and how to go on from there.
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
        if !self.rest().starts_with(word) {
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
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        if count == 0 {
            Err(self.fault("expected a digit"))
        } else {
            Ok(())
        }
    }

    /// Passes a string and gives what stands between its quotes, escapes unresolved.
    pub(super) fn string(&mut self) -> Result<&'a str, Fault> {
        self.expect(b'"', "expected a string")?;
        let start = self.at;
        loop {
            self.at += plain(self.rest().as_bytes());
            match self.peek() {
                Some(b'"') => {
                    let inner = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(inner);
                }
                Some(b'\\') => self.escape()?,
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
                let hex = self.rest().bytes().skip(1).take(4);
                if hex.filter(u8::is_ascii_hexdigit).count() != 4 {
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
        let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().bytes().take_while(space).count();
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

    fn rest(&self) -> &'a str {
        // `at` stops only behind ASCII, or behind whole runs of bytes that end before ASCII.
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn fault(&self, reason: &'static str) -> Fault {
        Fault::new(reason, self.at)
    }
}

/// How many bytes at the beginning stand for themselves in a string.
fn plain(bytes: &[u8]) -> usize {
    let special = |b: u8| b < 0x20 || b == b'"' || b == b'\\';
    // Whole blocks without a branch in them become vector instructions.
    let blocks = bytes.chunks_exact(BLOCK);
    let clear = |block: &&[u8]| !block.iter().fold(false, |any, &b| any | special(b));
    let passed = blocks.take_while(clear).count() * BLOCK;
    let rest = bytes.get(passed..).unwrap_or_default();
    passed + rest.iter().take_while(|&&b| !special(b)).count()
}

const BLOCK: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_where_it_ends_however_long_it_is() {
        for length in 0..200 {
            for end in [b'"', b'\\', b'\n', 0] {
                let mut bytes = vec![b'x'; length];
                bytes.push(end);
                bytes.extend([b'y'; 70]);
                assert_eq!(plain(&bytes), length);
            }
            assert_eq!(plain(&vec![0xc3; length]), length);
        }
    }
}
