use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};

use super::reference::SignedReference;
use crate::{InvalidReference, Reference, Selector, manifest::RelPath};

/// What is escaped of a path in the query of a URI: all but what RFC 3986 calls unreserved, and `/`.
pub(crate) const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A URI of either kind of reference, with the part that its query asks for.
///
/// A reference that names a manifest reads the files that this lists, too: `?path=src/lib.rs` and,
/// behind `&`, a part of it.
///
/// They cannot be mistaken for each other: what is not signed has `r` for its authority, and none
/// that signs is named so.
///
/// ```
/// use mcpo2_artifact::{Selector, token::Uri};
/// let uri: Uri = "mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA?bytes=0-9".parse()?;
/// assert!(matches!(uri, Uri::Kept(_, Selector::Bytes { from: 0, to: Some(9) })));
/// assert!("mcpo2+artifact://gw.example/r/AAAAAAAAAAAAAAAAAAAAAA".parse::<Uri>().is_err());
/// # Ok::<(), mcpo2_artifact::InvalidReference>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uri {
    /// The name of a result that the gateway keeps for its caller.
    Kept(Reference, Selector),
    /// A reference that somebody signed, not verified yet.
    Signed(SignedReference, Option<RelPath>, Selector),
}

impl FromStr for Uri {
    type Err = InvalidReference;

    fn from_str(uri: &str) -> Result<Self, InvalidReference> {
        if let Ok((reference, selector)) = Reference::parse(uri) {
            return Ok(Self::Kept(reference, selector));
        }
        let (whole, (path, selector)) = match uri.split_once('?') {
            Some((whole, query)) => (whole, parts(query)?),
            None => (uri, (None, Selector::Whole)),
        };
        let signed = whole.parse().map_err(|_| InvalidReference)?;
        Ok(Self::Signed(signed, path, selector))
    }
}

/// The path and the part that a query asks for.
fn parts(query: &str) -> Result<(Option<RelPath>, Selector), InvalidReference> {
    let Some(rest) = query.strip_prefix("path=") else {
        return Ok((None, query.parse()?));
    };
    let (path, selector) = match rest.split_once('&') {
        Some((path, part)) => (path, part.parse()?),
        None => (rest, Selector::Whole),
    };
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| InvalidReference)?;
    let path = path.parse().map_err(|_| InvalidReference)?;
    Ok((Some(path), selector))
}
