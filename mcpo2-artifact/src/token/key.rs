use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

#[cfg(feature = "ed25519")]
use super::sign::{Pair, PublicKey};
use super::{
    codec::{Malformed, Reader, Wire},
    name::InvalidName,
    parts::{Parts, Scheme},
    secret::Secret,
};

/// Names a key: the beginning of a digest of it, written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(super) [u8; 8]);

#[derive(Clone)]
pub(super) struct Key {
    id: KeyId,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Keyed(Zeroizing<[u8; 32]>),
    #[cfg(feature = "ed25519")]
    Pair(Box<Pair>),
    #[cfg(feature = "ed25519")]
    Public(PublicKey),
}

impl Key {
    pub(super) fn keyed(secret: &Secret) -> Self {
        let context = "mcpo2-artifact 2026 signed reference v1";
        Self {
            id: KeyId::of(secret.bytes()),
            kind: Kind::Keyed(Zeroizing::new(blake3::derive_key(context, secret.bytes()))),
        }
    }

    #[cfg(feature = "ed25519")]
    pub(super) fn pair(secret: &Secret) -> Self {
        let pair = Pair::new(secret);
        Self {
            id: KeyId::of(pair.public().bytes()),
            kind: Kind::Pair(Box::new(pair)),
        }
    }

    #[cfg(feature = "ed25519")]
    pub(super) fn public(key: PublicKey) -> Self {
        Self {
            id: KeyId::of(key.bytes()),
            kind: Kind::Public(key),
        }
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn scheme(&self) -> Scheme {
        match &self.kind {
            Kind::Keyed(_) => Scheme::Keyed,
            #[cfg(feature = "ed25519")]
            Kind::Pair(_) | Kind::Public(_) => Scheme::Signed,
        }
    }

    #[cfg(feature = "ed25519")]
    pub(super) fn public_key(&self) -> Option<PublicKey> {
        match &self.kind {
            Kind::Pair(pair) => Some(pair.public()),
            Kind::Keyed(_) | Kind::Public(_) => None,
        }
    }

    /// Whether the tag of these parts is by this key.
    pub(super) fn signed(&self, parts: &Parts<'_>) -> bool {
        match &self.kind {
            // The comparison takes the same time wherever the first difference is.
            Kind::Keyed(key) => {
                let found = parts.tag.first_chunk();
                found.is_some_and(|found: &[u8; 32]| chain(key, parts) == *found)
            }
            #[cfg(feature = "ed25519")]
            Kind::Pair(pair) => pair.public().verifies(parts),
            #[cfg(feature = "ed25519")]
            Kind::Public(public) => public.verifies(parts),
        }
    }

    /// Puts the tag of this payload behind it; nothing, with a key that only verifies.
    pub(super) fn sign(&self, payload: &mut Vec<u8>) {
        match &self.kind {
            Kind::Keyed(key) => {
                let tag = blake3::keyed_hash(key, payload);
                payload.extend_from_slice(tag.as_bytes());
            }
            #[cfg(feature = "ed25519")]
            Kind::Pair(pair) => {
                let signature = pair.sign(payload);
                payload.extend_from_slice(&signature);
            }
            #[cfg(feature = "ed25519")]
            Kind::Public(_) => {}
        }
    }
}

/// The tag of a token: of its payload under the key, then of each caveat under the tag before.
pub(super) fn chain(key: &[u8; 32], parts: &Parts<'_>) -> blake3::Hash {
    let tag = blake3::keyed_hash(key, parts.payload);
    let caveats = parts.caveats.iter();
    caveats.fold(tag, |tag, (_, bytes)| next(&tag, bytes))
}

/// The tag with one caveat more.
pub(super) fn next(tag: &blake3::Hash, caveat: &[u8]) -> blake3::Hash {
    blake3::keyed_hash(tag.as_bytes(), caveat)
}

impl KeyId {
    fn of(key: &[u8; 32]) -> Self {
        let name = blake3::derive_key("mcpo2-artifact 2026 name of a key of references", key);
        let [a, b, c, d, e, f, g, h, ..] = name;
        Self([a, b, c, d, e, f, g, h])
    }
}

impl Wire for KeyId {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.array().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let digits =
            text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let bits = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        bits.map(|bits| Self(bits.to_be_bytes())).ok_or(InvalidName)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
