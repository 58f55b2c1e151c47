use std::{borrow::Cow, collections::HashSet, ops::Range};

use super::lexer::{Fault, Lexer};

/// How deep arrays and objects may nest in one message.
///
/// The same as `serde_json`'s limit, so that what passes here can be decoded there.
pub const MAX_DEPTH: usize = 127;

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
    check_noting(bytes, &mut Nothing)
}

/// Checks, and has members noted on the way, so that nobody has to look for them again.
pub(crate) fn check_noting<'a, N: Note>(bytes: &'a [u8], note: &mut N) -> Result<&'a str, Fault> {
    let text = text(bytes)?;
    let mut scan = Scan {
        lexer: Lexer::new(text),
        open: Vec::with_capacity(OPEN),
        keys: Vec::with_capacity(KEYS),
        note,
    };
    scan.run()?;
    Ok(text)
}

/// Room for what most messages have open at once: objects and arrays, and their keys.
const OPEN: usize = 8;
const KEYS: usize = 16;

/// The text that these bytes are.
///
/// # Errors
///
/// A [`Fault`] where they are no UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, Fault> {
    // The one of the standard library tells where, but takes ten times as long for letters that
    // are not ASCII.
    simdutf8::basic::from_utf8(bytes).map_err(|_| {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        Fault::new("invalid UTF-8", valid)
    })
}

/// Who hears of the members of objects while a text is checked.
///
/// What it hears of a text that turns out to be refused counts for nothing.
pub(crate) trait Note {
    /// A member that is noted.
    type Member: Copy;

    /// An object that is `depth` deep, the outermost 1, has a member of this name; its value is
    /// heard of where this gives one.
    fn member(&mut self, depth: usize, key: &str) -> Option<Self::Member>;

    /// Where the value of that member stands.
    fn value(&mut self, member: Self::Member, at: Range<usize>);
}

/// Notes nothing.
struct Nothing;

impl Note for Nothing {
    type Member = std::convert::Infallible;

    fn member(&mut self, _: usize, _: &str) -> Option<Self::Member> {
        None
    }

    fn value(&mut self, member: Self::Member, _: Range<usize>) {
        match member {}
    }
}

struct Scan<'a, 'n, N: Note> {
    lexer: Lexer<'a>,
    open: Vec<Open<'a, N::Member>>,
    /// The keys of all open small objects, one after the other.
    keys: Vec<Cow<'a, str>>,
    note: &'n mut N,
}

enum Open<'a, M> {
    Array,
    Object {
        /// Where this object's keys begin in `Scan::keys`; a large one has a set instead.
        from: usize,
        many: Option<HashSet<Cow<'a, str>>>,
        /// The member whose value is being read, and where that begins, if it is noted.
        noted: Option<(M, usize)>,
    },
}

/// Up to here a look at each key is faster than a hash.
const FEW_KEYS: usize = 12;

impl<'a, N: Note> Scan<'a, '_, N> {
    fn run(&mut self) -> Result<(), Fault> {
        loop {
            // Here a value is due.
            self.lexer.space();
            match self.lexer.peek() {
                Some(b'{') => {
                    self.enter(Open::Object {
                        from: self.keys.len(),
                        many: None,
                        noted: None,
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
                Some(_) => self.lexer.scalar()?,
                None => return Err(self.lexer.fault("unexpected end of JSON")),
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Goes on behind a value; true when the text ends there.
    fn after_value(&mut self) -> Result<bool, Fault> {
        loop {
            self.ends();
            self.lexer.space();
            match (self.open.last(), self.lexer.peek()) {
                (None, None) => return Ok(true),
                (None, Some(_)) => return Err(self.lexer.fault("more than one JSON value")),
                (Some(_), None) => return Err(self.lexer.fault("unexpected end of JSON")),
                (Some(Open::Array), Some(b',')) => {
                    self.lexer.pass();
                    return Ok(false);
                }
                (Some(Open::Object { .. }), Some(b',')) => {
                    self.lexer.pass();
                    self.key()?;
                    return Ok(false);
                }
                (Some(Open::Array), Some(b']')) | (Some(Open::Object { .. }), Some(b'}')) => {
                    self.lexer.pass();
                    self.leave();
                }
                _ => return Err(self.lexer.fault("expected a comma or a closing bracket")),
            }
        }
    }

    /// A value ends here.
    fn ends(&mut self) {
        if let Some(Open::Object { noted, .. }) = self.open.last_mut()
            && let Some((member, start)) = noted.take()
        {
            self.note.value(member, start..self.lexer.at());
        }
    }

    fn enter(&mut self, open: Open<'a, N::Member>) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.lexer.fault("nesting is too deep"));
        }
        self.open.push(open);
        self.lexer.pass();
        Ok(())
    }

    /// True, and left, when the array or object that was just entered is empty.
    fn closes(&mut self, with: u8) -> bool {
        self.lexer.space();
        let closes = self.lexer.peek() == Some(with);
        if closes {
            self.lexer.pass();
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
        self.lexer.space();
        let start = self.lexer.at();
        let key = self.lexer.said()?;
        let key = key.ok_or_else(|| Fault::new("invalid escape in a key", start))?;
        let member = self.note.member(self.open.len(), &key);
        if !self.is_new(key) {
            return Err(Fault::new("duplicate key", start));
        }
        self.lexer.space();
        self.lexer.expect(b':', "expected a colon")?;
        self.lexer.space();
        if let Some(Open::Object { noted, .. }) = self.open.last_mut() {
            *noted = member.map(|member| (member, self.lexer.at()));
        }
        Ok(())
    }

    fn is_new(&mut self, key: Cow<'a, str>) -> bool {
        let Some(Open::Object { from, many, .. }) = self.open.last_mut() else {
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
