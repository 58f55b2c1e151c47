use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcpo2_core::ARTIFACT_SCHEME;

use crate::{Error, ErrorKind, Key};

/// Names one artifact: 128 random bits, written `mcpo2+artifact://r/` and 22 characters of
/// base64url.
///
/// It is a name, not a capability: who reads must also be whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference([u8; 16]);

/// The text is no URI of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the uri of an artifact")]
pub struct InvalidReference;

/// Which part of an artifact a URI asks for, in its query.
///
/// ```
/// use mcpo2_artifact::{Reference, Selector};
/// let (reference, selector) = Reference::parse("mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA?bytes=0-512")?;
/// assert_eq!(selector, Selector::Bytes { from: 0, to: Some(512) });
/// assert_eq!(reference.uri(), "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA");
/// # Ok::<(), mcpo2_artifact::InvalidReference>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Selector {
    /// No query: the whole, as far as one read goes.
    #[default]
    Whole,
    /// `?bytes=FROM-TO` or `?bytes=FROM-`: from zero, without `to` itself.
    Bytes {
        /// The first byte.
        from: u64,
        /// The byte behind the last; none means the end.
        to: Option<u64>,
    },
    /// `?lines=A-B` or `?lines=A-`: from one, with `last` itself.
    Lines {
        /// The first line.
        first: u64,
        /// The last line; none means the end.
        last: Option<u64>,
    },
}

impl Reference {
    /// A reference that nobody can guess.
    pub(crate) fn random() -> Result<Self, Error> {
        let mut bits = [0; 16];
        match getrandom::fill(&mut bits) {
            Ok(()) => Ok(Self(bits)),
            Err(error) => {
                Err(Error::new(ErrorKind::Random, "no random bytes").with_source(error.to_string()))
            }
        }
    }

    /// Reads a URI: a reference, and the part that its query asks for.
    ///
    /// # Errors
    ///
    /// [`InvalidReference`]. There is one way to write each reference, so no two texts name the
    /// same.
    pub fn parse(uri: &str) -> Result<(Self, Selector), InvalidReference> {
        let rest = uri.strip_prefix(ARTIFACT_SCHEME).ok_or(InvalidReference)?;
        let rest = rest.strip_prefix("://r/").ok_or(InvalidReference)?;
        let (token, query) = match rest.split_once('?') {
            Some((token, query)) => (token, Some(query)),
            None => (rest, None),
        };
        let bits = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| InvalidReference)?;
        let bits = bits.try_into().map_err(|_| InvalidReference)?;
        let selector = query.map_or(Ok(Selector::Whole), str::parse)?;
        Ok((Self(bits), selector))
    }

    /// Whether this URI has the scheme of artifacts, in any case: such a one is never a module's.
    #[must_use]
    pub fn has_scheme(uri: &str) -> bool {
        let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(ARTIFACT_SCHEME))
    }

    /// The URI of the whole.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{ARTIFACT_SCHEME}://r/{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// The URI of this part; none of `to` means up to the end.
    #[must_use]
    pub fn bytes_uri(&self, from: u64, to: Option<u64>) -> String {
        let to = to.map(|to| to.to_string()).unwrap_or_default();
        format!("{}?bytes={from}-{to}", self.uri())
    }

    /// The name by which the store knows it. Who reads the store learns no reference.
    pub(crate) fn key(&self) -> Key {
        Key::from_bytes(blake3::derive_key(
            "mcpo2-artifact 2026 key of a reference in a store",
            &self.0,
        ))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri())
    }
}

impl fmt::Debug for Reference {
    /// The first characters only: logs are read by more people than results.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = URL_SAFE_NO_PAD.encode(self.0);
        write!(f, "Reference({}…)", token.get(..6).unwrap_or_default())
    }
}

impl FromStr for Selector {
    type Err = InvalidReference;

    fn from_str(query: &str) -> Result<Self, InvalidReference> {
        let (unit, range) = query.split_once('=').ok_or(InvalidReference)?;
        let (from, to) = range.split_once('-').ok_or(InvalidReference)?;
        let from = number(from)?;
        let to = match to {
            "" => None,
            to => Some(number(to)?),
        };
        if to.is_some_and(|to| to < from) {
            return Err(InvalidReference);
        }
        match unit {
            "bytes" => Ok(Self::Bytes { from, to }),
            "lines" if from > 0 => Ok(Self::Lines {
                first: from,
                last: to,
            }),
            _ => Err(InvalidReference),
        }
    }
}

/// Digits alone: `u64::from_str` would take a sign.
fn number(text: &str) -> Result<u64, InvalidReference> {
    match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse().map_err(|_| InvalidReference),
        false => Err(InvalidReference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn each_reference_is_written_in_one_way() {
        let (reference, selector) = Reference::parse(ID).unwrap();
        assert_eq!((reference.uri().as_str(), selector), (ID, Selector::Whole));
        for bad in [
            "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAB",
            "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA==",
            "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAA",
            "mcpo2+artifact://x/AAAAAAAAAAAAAAAAAAAAAA",
            "MCPO2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA",
            "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA/",
            "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA#a",
            "mcpo2+artifact://r/",
            "mcpo2+artifact:",
            "",
        ] {
            assert_eq!(Reference::parse(bad), Err(InvalidReference), "{bad}");
        }
        assert!(Reference::has_scheme("MCPO2+Artifact:x"));
        assert!(!Reference::has_scheme("mcpo2+artifacts://r/"));
    }

    #[test]
    fn a_query_is_one_range_or_nothing() {
        let parse = |query: &str| Reference::parse(&format!("{ID}?{query}")).map(|(_, s)| s);
        let (from, to) = (3, Some(9));
        assert_eq!(parse("bytes=3-9"), Ok(Selector::Bytes { from, to }));
        assert_eq!(parse("bytes=3-"), Ok(Selector::Bytes { from, to: None }));
        let (first, last) = (1, Some(1));
        assert_eq!(parse("lines=1-1"), Ok(Selector::Lines { first, last }));
        for bad in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=-5",
            "bytes=9-3",
            "bytes=+1-2",
            "lines=0-1",
            "bytes=1-2&lines=1-1",
            "bytes=1-2-3",
            "bytes=18446744073709551616-",
            "chars=1-2",
        ] {
            assert_eq!(parse(bad), Err(InvalidReference), "{bad}");
        }
    }
}
