use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec::{Malformed, Reader, Wire, put_text};

/// The gateway that signs, as it stands in the URIs of its references: 1 to 64 of `a-z`, `0-9`,
/// `.` and `-`, with a letter or digit at both ends, and not `r`.
///
/// ```
/// use mcpo2_artifact::token::Authority;
/// assert!("gw.example".parse::<Authority>().is_ok());
/// assert!("GW.example".parse::<Authority>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority(Box<str>);

/// A client, or a run of an agent, as the host names it: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(Box<str>);

/// The id of one reference, which those that are made of it by narrowing share: 128 random bits,
/// written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub(super) [u8; 16]);

/// A text has not the form of such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name of another form")]
pub struct InvalidName;

impl Authority {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Label {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Authority {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let is_alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let [first, last] = [text.bytes().next(), text.bytes().next_back()];
        let holds = text.len() <= 64
            && text.bytes().all(|b| is_alnum(b) || b == b'.' || b == b'-')
            && first.is_some_and(is_alnum)
            && last.is_some_and(is_alnum)
            // `mcpo2+artifact://r/...` are references that are not signed.
            && text != "r";
        match holds {
            true => Ok(Self(text.into())),
            false => Err(InvalidName),
        }
    }
}

impl FromStr for Label {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Self(text.into())),
            false => Err(InvalidName),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Wire for Authority {
    fn put(&self, out: &mut Vec<u8>) {
        put_text(out, &self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.parse()
    }
}

impl Wire for Label {
    fn put(&self, out: &mut Vec<u8>) {
        put_text(out, &self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.parse()
    }
}

impl Wire for TokenId {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.array().map(Self)
    }
}

impl TokenId {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(bits))
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TokenId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        hex(text).map(|bits: u128| Self(bits.to_be_bytes()))
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// 32 small hexadecimal digits.
fn hex(text: &str) -> Result<u128, InvalidName> {
    let digits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let bits = u128::from_str_radix(text, 16);
    bits.ok().filter(|_| digits).ok_or(InvalidName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_form_or_are_none() {
        for bad in ["", "r", "A", "-a", "a.", "a/b", "a:1", "é", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Authority>(), Err(InvalidName), "{bad}");
        }
        for bad in ["", "a b", "é", &"a".repeat(129)] {
            assert_eq!(bad.parse::<Label>(), Err(InvalidName), "{bad}");
        }
        let id = TokenId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "+7", &"A".repeat(32), &"7".repeat(33)] {
            assert_eq!(bad.parse::<TokenId>(), Err(InvalidName), "{bad}");
        }
    }
}
