use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    caveat::Caveat,
    claims::Claims,
    codec::{MAX_TOKEN, Malformed, Reader, Wire},
};

/// The longest text of a token: four characters for three bytes.
pub(super) const MAX_TEXT: usize = MAX_TOKEN.div_ceil(3) * 4;

/// How a token is signed, which is its first byte. A key goes with one way only, so a token cannot
/// choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// 1: BLAKE3 with a key, 32 bytes, and one more keyed hash for each caveat.
    Keyed,
    /// 2, for readers elsewhere: an Ed25519 signature, 64 bytes, without caveats.
    Signed,
}

/// A token taken apart. Nothing of it is true until its tag is checked.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) scheme: Scheme,
    /// What the issuer signed: the scheme and the claims.
    pub(super) payload: &'a [u8],
    pub(super) claims: Claims,
    /// Each with its bytes.
    pub(super) caveats: Vec<(Caveat, &'a [u8])>,
    pub(super) tag: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads the bytes of a token: scheme, claims, caveats, tag, and nothing more.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let scheme = match bytes.first() {
            Some(1) => Scheme::Keyed,
            Some(2) => Scheme::Signed,
            _ => return Err(Malformed),
        };
        let length = bytes.len().checked_sub(scheme.tag_len()).ok_or(Malformed)?;
        let (body, tag) = bytes.split_at_checked(length).ok_or(Malformed)?;
        let mut reader = Reader(body.get(1..).ok_or(Malformed)?);
        let claims = Claims::take(&mut reader)?;
        let payload = read_of(body, &reader)?;
        let mut caveats = Vec::new();
        while !reader.is_empty() {
            let before = reader.0;
            let caveat = Caveat::take(&mut reader)?;
            caveats.push((caveat, read_of(before, &reader)?));
        }
        if scheme == Scheme::Signed && !caveats.is_empty() {
            return Err(Malformed);
        }
        Ok(Self {
            scheme,
            payload,
            claims,
            caveats,
            tag,
        })
    }
}

impl Scheme {
    pub(super) fn version(self) -> u8 {
        match self {
            Self::Keyed => 1,
            Self::Signed => 2,
        }
    }

    fn tag_len(self) -> usize {
        match self {
            Self::Keyed => 32,
            Self::Signed => 64,
        }
    }
}

/// What was read of these bytes.
fn read_of<'a>(bytes: &'a [u8], left: &Reader<'_>) -> Result<&'a [u8], Malformed> {
    let length = bytes.len().checked_sub(left.0.len()).ok_or(Malformed)?;
    bytes.get(..length).ok_or(Malformed)
}

/// Room for the bytes of a text: base64 is decoded in whole groups.
pub(super) type Room = [u8; MAX_TEXT / 4 * 3];

/// The bytes that a text stands for. No two texts stand for the same: padding, white space and
/// bits that are left over are refused.
pub(super) fn decode<'a>(text: &str, room: &'a mut Room) -> Result<&'a [u8], Malformed> {
    if text.len() > MAX_TEXT {
        return Err(Malformed);
    }
    let length = URL_SAFE_NO_PAD
        .decode_slice(text, room)
        .map_err(|_| Malformed)?;
    let bytes = room.get(..length).ok_or(Malformed)?;
    match bytes.len() <= MAX_TOKEN {
        true => Ok(bytes),
        false => Err(Malformed),
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
