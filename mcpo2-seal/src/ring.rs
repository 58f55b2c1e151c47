use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use crate::Secret;

/// The keys of a gateway: the first seals, all open.
#[derive(Clone)]
pub struct KeyRing {
    seals: Key,
    older: Vec<Key>,
}

/// Why a token does not open.
///
/// Tell a client neither which: to it, a token holds or it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no token of this ring, purpose and context, or somebody changed it.
    #[error("the token was not sealed here, for this")]
    Sealed,
    /// It held once.
    #[error("the token has expired")]
    Expired,
}

/// The operating system gave no randomness, so nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness to seal with")]
pub struct SealError(());

const VERSION: u8 = 1;
const NAME: usize = 4;
const NONCE: usize = 24;
const HEAD: usize = 1 + NAME + NONCE;

/// Nothing that a gateway seals is near this long.
const MAX_TOKEN: usize = 64 * 1024;

impl KeyRing {
    /// Seals with `seals`, and opens what the `older` sealed as well.
    #[must_use]
    pub fn new(seals: Secret, older: impl IntoIterator<Item = Secret>) -> Self {
        Self {
            seals: Key::new(seals),
            older: older.into_iter().map(Key::new).collect(),
        }
    }

    /// A ring of one new key. What it seals opens nowhere else, and not after a restart.
    ///
    /// # Errors
    ///
    /// [`SealError`] without randomness.
    pub fn ephemeral() -> Result<Self, SealError> {
        let secret = Secret::random().map_err(|_| SealError(()))?;
        Ok(Self::new(secret, []))
    }

    /// The payload as a token that holds until `expires`, to the second, for this purpose and
    /// context.
    ///
    /// # Errors
    ///
    /// [`SealError`] without randomness.
    pub fn seal(
        &self,
        purpose: &'static str,
        context: &[&[u8]],
        expires: SystemTime,
        payload: &[u8],
    ) -> Result<String, SealError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError(()))?;
        let mut plain = Zeroizing::new(Vec::with_capacity(8 + payload.len()));
        plain.extend_from_slice(&seconds(expires).to_be_bytes());
        plain.extend_from_slice(payload);
        let sealed = Payload {
            msg: &plain,
            aad: &self.seals.associated(purpose, context),
        };
        let cipher = self.seals.cipher(purpose);
        // Only a payload of hundreds of gigabytes is refused.
        let sealed = cipher.encrypt(&XNonce::from(nonce), sealed);
        let sealed = sealed.map_err(|_| SealError(()))?;
        let token = [&[VERSION][..], &self.seals.name, &nonce, &sealed].concat();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(token))
    }

    /// What was sealed for this purpose and context, if it still holds at `now`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] for everything else, whatever the text.
    pub fn open(
        &self,
        purpose: &'static str,
        context: &[&[u8]],
        now: SystemTime,
        token: &str,
    ) -> Result<Vec<u8>, OpenError> {
        if token.len() > MAX_TOKEN {
            return Err(OpenError::Sealed);
        }
        let token = BASE64_URL_SAFE_NO_PAD.decode(token);
        let token = token.map_err(|_| OpenError::Sealed)?;
        let (head, sealed) = token.split_at_checked(HEAD).ok_or(OpenError::Sealed)?;
        let (version, head) = head.split_at_checked(1).ok_or(OpenError::Sealed)?;
        let (name, nonce) = head.split_at_checked(NAME).ok_or(OpenError::Sealed)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| OpenError::Sealed)?;
        if version != [VERSION] {
            return Err(OpenError::Sealed);
        }
        let mut keys = std::iter::once(&self.seals).chain(&self.older);
        let key = keys.find(|key| key.name == name).ok_or(OpenError::Sealed)?;
        let sealed = Payload {
            msg: sealed,
            aad: &key.associated(purpose, context),
        };
        let cipher = key.cipher(purpose);
        let plain = cipher.decrypt(&XNonce::from(nonce), sealed);
        let plain = plain.map_err(|_| OpenError::Sealed)?;
        let (expires, payload) = plain.split_first_chunk().ok_or(OpenError::Sealed)?;
        if u64::from_be_bytes(*expires) <= seconds(now) {
            return Err(OpenError::Expired);
        }
        Ok(payload.to_vec())
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = std::iter::once(&self.seals).chain(&self.older);
        f.debug_list().entries(names.map(Key::label)).finish()
    }
}

#[derive(Clone)]
struct Key {
    secret: Secret,
    name: [u8; NAME],
}

impl Key {
    fn new(secret: Secret) -> Self {
        let named = blake3::derive_key("mcpo2-seal 2026 name of a key", secret.bytes());
        let [a, b, c, d, ..] = named;
        Self {
            secret,
            name: [a, b, c, d],
        }
    }

    fn label(&self) -> String {
        self.name.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn cipher(&self, purpose: &str) -> XChaCha20Poly1305 {
        let mut hasher = blake3::Hasher::new_derive_key("mcpo2-seal 2026 key of a purpose");
        hasher.update(self.secret.bytes());
        hasher.update(purpose.as_bytes());
        let key = Zeroizing::new(*hasher.finalize().as_bytes());
        XChaCha20Poly1305::new((&*key).into())
    }

    /// Everything that a token is bound to and that does not stand in its sealed part.
    fn associated(&self, purpose: &str, context: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.name);
        for part in [purpose.as_bytes()].iter().chain(context) {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs()
}
