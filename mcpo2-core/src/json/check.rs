use std::{borrow::Cow, collections::HashSet};

/// How deep arrays and objects may nest in one message.
///
/// The same as `serde_json`'s limit, so that what passes here can be decoded there.
pub const MAX_DEPTH: usize = 127;

/// Why a text is refused, and the byte at which that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct Fault {
    reason: &'static str,
    offset: usize,
}

impl Fault {
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

/// Checks that `bytes` is exactly one JSON text that two readers cannot read differently.
///
/// Beyond the grammar of RFC 8259 this refuses a key that stands twice in one object (after its
/// escapes are resolved), invalid UTF-8 and nesting deeper than [`MAX_DEPTH`]. Numbers of any
/// size pass: their digits are forwarded as they came. Time is linear, and memory is bounded by
/// the keys of the objects that are open at once.
///
/// # Errors
///
/// The first [`Fault`], by position.
pub fn check(bytes: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| Fault {
        reason: "invalid UTF-8",
        offset: error.valid_up_to(),
    })?;
    let mut scan = Scan {
        text,
        at: 0,
        open: Vec::new(),
        keys: Vec::new(),
    };
    scan.run()?;
    Ok(text)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open<'a>>,
    /// The keys of all open small objects, one after the other.
    keys: Vec<Cow<'a, str>>,
}

enum Open<'a> {
    Array,
    /// `from` is where this object's keys begin in `Scan::keys`; a large one has a set instead.
    Object {
        from: usize,
        many: Option<HashSet<Cow<'a, str>>>,
    },
}

/// Up to here a look at each key is faster than a hash.
const FEW_KEYS: usize = 12;

impl<'a> Scan<'a> {
    fn run(&mut self) -> Result<(), Fault> {
        loop {
            // Here a value is due.
            self.space();
            match self.peek() {
                Some(b'{') => {
                    self.enter(Open::Object {
                        from: self.keys.len(),
                        many: None,
                    })?;
                    if !self.closes(b'}') {
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.enter(Open::Array)?;
                    if !self.closes(b']') {
                        continue;
                    }
                }
                Some(_) => self.scalar()?,
                None => return Err(self.fault("unexpected end of JSON")),
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Goes on behind a value; true when the text ends there.
    fn after_value(&mut self) -> Result<bool, Fault> {
        loop {
            self.space();
            match (self.open.last(), self.peek()) {
                (None, None) => return Ok(true),
                (None, Some(_)) => return Err(self.fault("more than one JSON value")),
                (Some(_), None) => return Err(self.fault("unexpected end of JSON")),
                (Some(Open::Array), Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(Open::Object { .. }), Some(b',')) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(false);
                }
                (Some(Open::Array), Some(b']')) | (Some(Open::Object { .. }), Some(b'}')) => {
                    self.at += 1;
                    self.leave();
                }
                _ => return Err(self.fault("expected a comma or a closing bracket")),
            }
        }
    }

    fn enter(&mut self, open: Open<'a>) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault("nesting is too deep"));
        }
        self.open.push(open);
        self.at += 1;
        Ok(())
    }

    /// True, and left, when the array or object that was just entered is empty.
    fn closes(&mut self, with: u8) -> bool {
        self.space();
        let closes = self.peek() == Some(with);
        if closes {
            self.at += 1;
            self.leave();
        }
        closes
    }

    fn leave(&mut self) {
        if let Some(Open::Object { from, .. }) = self.open.pop() {
            self.keys.truncate(from);
        }
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.space();
        let start = self.at;
        let raw = self.string()?;
        let key = if raw.contains('\\') {
            let quoted = self.text.get(start..self.at).unwrap_or_default();
            serde_json::from_str::<String>(quoted)
                .map(Cow::Owned)
                .map_err(|_| Fault {
                    reason: "invalid escape in a key",
                    offset: start,
                })?
        } else {
            Cow::Borrowed(raw)
        };
        if !self.is_new(key) {
            return Err(Fault {
                reason: "duplicate key",
                offset: start,
            });
        }
        self.space();
        self.expect(b':', "expected a colon")
    }

    fn is_new(&mut self, key: Cow<'a, str>) -> bool {
        let Some(Open::Object { from, many }) = self.open.last_mut() else {
            return false;
        };
        if let Some(many) = many {
            return many.insert(key);
        }
        let known = self.keys.get(*from..).unwrap_or_default();
        if known.contains(&key) {
            return false;
        }
        if known.len() >= FEW_KEYS {
            let mut set: HashSet<_> = self.keys.drain(*from..).collect();
            set.insert(key);
            *many = Some(set);
        } else {
            self.keys.push(key);
        }
        true
    }

    fn scalar(&mut self) -> Result<(), Fault> {
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
    fn string(&mut self) -> Result<&'a str, Fault> {
        self.expect(b'"', "expected a string")?;
        let start = self.at;
        loop {
            let plain = self
                .rest()
                .bytes()
                .take_while(|&b| b >= 0x20 && b != b'"' && b != b'\\');
            self.at += plain.count();
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

    fn space(&mut self) {
        let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().bytes().take_while(space).count();
    }

    fn expect(&mut self, byte: u8, or: &'static str) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(self.fault(or));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        // `at` stops only behind ASCII, or behind whole runs of bytes that end before ASCII.
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, reason: &'static str) -> Fault {
        Fault {
            reason,
            offset: self.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> &'static str {
        check(text.as_bytes()).unwrap_err().reason()
    }

    #[test]
    fn numbers_of_any_size_pass() {
        for text in [
            "123456789012345678901234567890",
            "1e999",
            "-0.0e-7",
            "0",
            "[1,2.5E+3]",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(text));
        }
        for text in ["01", "1.", ".5", "+1", "-", "1e", "0x1", "NaN"] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_however_it_is_escaped() {
        assert_eq!(reason(r#"{"name":1,"name":2}"#), "duplicate key");
        assert_eq!(reason(r#"{"name":1,"na\u006de":2}"#), "duplicate key");
        assert_eq!(
            reason(r#"{"a":{"b":1,"c":[{"d":1,"d":1}]}}"#),
            "duplicate key"
        );
        assert!(check(br#"{"a":{"a":{"a":1}},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn a_key_that_stands_twice_is_found_in_a_large_object() {
        let many = |extra: &str| {
            let keys: Vec<_> = (0..200)
                .map(|n| format!("\"k{n}\":{{\"k{n}\":0}}"))
                .collect();
            format!("{{{},\"{extra}\":0}}", keys.join(","))
        };
        assert!(check(many("new").as_bytes()).is_ok());
        assert_eq!(reason(&many("k3")), "duplicate key");
        assert_eq!(reason(&many("k199")), "duplicate key");
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(check(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(reason(&nested(MAX_DEPTH + 1)), "nesting is too deep");
        assert_eq!(reason(&"[".repeat(1_000_000)), "nesting is too deep");
    }

    #[test]
    fn only_one_value_stands_in_a_message() {
        assert_eq!(reason("{} {}"), "more than one JSON value");
        assert_eq!(reason(""), "unexpected end of JSON");
        assert_eq!(reason("{\"a\":1"), "unexpected end of JSON");
        assert_eq!(check(b"\"\xff\"").unwrap_err().reason(), "invalid UTF-8");
        assert_eq!(
            check("\u{feff}{}".as_bytes()).unwrap_err().reason(),
            "expected a JSON value"
        );
    }
}
