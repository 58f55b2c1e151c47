use std::fmt;

#[cfg(feature = "ed25519")]
use super::sign::PublicKey;
use super::{
    key::{Key, KeyId, chain},
    parts::Parts,
    secret::Secret,
};

/// How many keys a ring has at most.
const MAX_KEYS: usize = 16;

/// The keys of a gateway: at most one signs, all verify, sixteen at most. A reference whose key is
/// not here is refused.
///
/// A ring does not change. To rotate, make one whose new key signs and that has the older ones for
/// as long as their references hold.
#[derive(Clone)]
pub struct Keys {
    signs: Option<Key>,
    others: Vec<Key>,
}

/// Why a key does not go into a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There are sixteen already.
    #[error("a ring has at most 16 keys")]
    TooMany,
    /// It is there already.
    #[error("the key is in the ring already")]
    Twice,
}

impl Keys {
    /// A ring whose only key signs with keyed BLAKE3. Whoever has the secret can sign too.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self {
            signs: Some(Key::keyed(secret)),
            others: Vec::new(),
        }
    }

    /// A ring of one new key. What it signs is refused everywhere else, and after a restart.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness.
    pub fn ephemeral() -> Result<Self, getrandom::Error> {
        Ok(Self::new(&Secret::random()?))
    }

    /// The same, which also takes what this secret signed.
    ///
    /// # Errors
    ///
    /// [`KeysError`] where it is in the ring already, or there is no room.
    pub fn with_older(self, secret: &Secret) -> Result<Self, KeysError> {
        self.with(Key::keyed(secret))
    }

    /// A ring whose only key signs with Ed25519, for readers that must not be able to sign.
    #[cfg(feature = "ed25519")]
    #[must_use]
    pub fn signing(secret: &Secret) -> Self {
        Self {
            signs: Some(Key::pair(secret)),
            others: Vec::new(),
        }
    }

    /// A ring that only takes what the owner of this key signed.
    #[cfg(feature = "ed25519")]
    #[must_use]
    pub fn verifying(key: PublicKey) -> Self {
        Self {
            signs: None,
            others: vec![Key::public(key)],
        }
    }

    /// The same, which also takes what the owner of this key signed.
    ///
    /// # Errors
    ///
    /// [`KeysError`] where it is in the ring already, or there is no room.
    #[cfg(feature = "ed25519")]
    pub fn with_public(self, key: PublicKey) -> Result<Self, KeysError> {
        self.with(Key::public(key))
    }

    /// What readers elsewhere verify with, where the key that signs is one of Ed25519.
    #[cfg(feature = "ed25519")]
    #[must_use]
    pub fn public_key(&self) -> Option<PublicKey> {
        self.signs.as_ref().and_then(Key::public_key)
    }

    /// The keys, that which signs first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.signs.iter().chain(&self.others).map(|key| key.id())
    }

    pub(super) fn signs(&self) -> Option<&Key> {
        self.signs.as_ref()
    }

    /// Whether a key of the ring signed these parts. Where there is no such key, as much is hashed
    /// in vain.
    pub(super) fn check(&self, parts: &Parts<'_>) -> Checked {
        let mut keys = self.signs.iter().chain(&self.others);
        let key = keys.find(|key| key.id() == parts.claims.key && key.scheme() == parts.scheme);
        let Some(key) = key else {
            let _ = chain(&[0; 32], parts);
            return Checked::Unknown;
        };
        match key.signed(parts) {
            true => Checked::Authentic,
            false => Checked::Forged,
        }
    }

    fn with(mut self, key: Key) -> Result<Self, KeysError> {
        if self.ids().any(|id| id == key.id()) {
            return Err(KeysError::Twice);
        }
        if self.ids().count() >= MAX_KEYS {
            return Err(KeysError::TooMany);
        }
        self.others.push(key);
        Ok(self)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// What the tag of a token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Authentic,
    Forged,
    Unknown,
}
