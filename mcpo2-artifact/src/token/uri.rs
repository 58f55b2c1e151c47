use std::str::FromStr;

use super::reference::SignedReference;
use crate::{InvalidReference, Reference, Selector};

/// A URI of either kind of reference, with the part that its query asks for.
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
    Signed(SignedReference, Selector),
}

impl FromStr for Uri {
    type Err = InvalidReference;

    fn from_str(uri: &str) -> Result<Self, InvalidReference> {
        if let Ok((reference, selector)) = Reference::parse(uri) {
            return Ok(Self::Kept(reference, selector));
        }
        let (whole, selector) = match uri.split_once('?') {
            Some((whole, query)) => (whole, query.parse()?),
            None => (uri, Selector::Whole),
        };
        let signed = whole.parse().map_err(|_| InvalidReference)?;
        Ok(Self::Signed(signed, selector))
    }
}
