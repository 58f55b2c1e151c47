use std::{borrow::Borrow, fmt, str::FromStr, sync::LazyLock};

use mcpo2_core::TenantId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;

use crate::config::Secret;

const PREFIX: &str = "mcpo2_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 43 of 62 signs: 256 bits.
const SECRET_LENGTH: usize = 43;
/// 6 of 62 signs hold 32 bits.
const CHECK_LENGTH: usize = 6;
const HASH_CONTEXT: &str = "mcpo2 2026-11 api key hash v1";
const CHECK_CONTEXT: &str = "mcpo2 2026-11 api key check v1";

/// The id of an API key: 1 to 64 of `a-z`, `A-Z`, `0-9`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

/// A text is no id of an API key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 1 to 64 of a-z, A-Z, 0-9, . and -")]
pub struct KeyIdError;

impl KeyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        match (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.into())),
            false => Err(KeyIdError),
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The hash of an API key: `b3:` and 64 hexadecimal digits.
///
/// The key holds 256 random bits, so a fast hash is enough: there is nothing to guess.
#[derive(Clone)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub(super) fn of(key: &str) -> Self {
        static HASHER: LazyLock<blake3::Hasher> =
            LazyLock::new(|| blake3::Hasher::new_derive_key(HASH_CONTEXT));
        Self(derived(&HASHER, key))
    }

    /// Whether this is the hash of `key`. Takes the same time for any key of its length.
    pub(super) fn is_of(&self, key: &str) -> bool {
        self.0.ct_eq(&Self::of(key).0).into()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b3:{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        // Whoever writes the key itself here must not find it in an error.
        let hash = text
            .strip_prefix("b3:")
            .and_then(|hex| blake3::Hash::from_hex(hex).ok());
        let hash = hash.ok_or_else(|| {
            serde::de::Error::custom(
                "no hash of an API key: `b3:` and 64 hexadecimal digits, as `mcpo2 key` shows",
            )
        })?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// A new API key: the text for its owner, shown once, and the hash for the configuration.
///
/// The text is `mcpo2_ID_SECRET`, where the secret is 256 random bits and a checksum, so that
/// scanners find leaked keys and typing errors are known as such.
#[derive(Debug)]
pub struct NewKey {
    id: KeyId,
    text: Secret,
    hash: KeyHash,
}

impl NewKey {
    /// Makes a key of this id.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn generate(id: KeyId) -> Result<Self, getrandom::Error> {
        let mut text = format!("{PREFIX}{id}_");
        let mut missing = SECRET_LENGTH;
        while missing > 0 {
            let mut bytes = [0; 64];
            getrandom::fill(&mut bytes)?;
            // 248 is four times 62: every sign is as likely as any other.
            let even = bytes.iter().filter(|byte| **byte < 248).take(missing);
            for sign in even.filter_map(|byte| ALPHABET.get(usize::from(byte % 62))) {
                text.push(char::from(*sign));
                missing -= 1;
            }
        }
        text.push_str(&check(&text));
        Ok(Self {
            id,
            hash: KeyHash::of(&text),
            text: Secret::new(text),
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// What its owner sends as `Authorization: Bearer …`.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// What stands in the configuration.
    #[must_use]
    pub fn hash(&self) -> &KeyHash {
        &self.hash
    }

    /// The entry for `identity.api_keys`, as YAML.
    #[must_use]
    pub fn entry(&self, tenant: &TenantId) -> String {
        // A JSON string is a YAML one; ids and tenants hold nothing but visible ASCII.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (id, tenant) = (quoted(self.id.as_str()), quoted(tenant.as_str()));
        format!(
            "- {{ id: {id}, tenant: {tenant}, roles: [], hash: \"{}\" }}",
            self.hash
        )
    }
}

/// Whether a token wants to be an API key.
pub(super) fn is_key(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// The id in the key, if the key has its form.
pub(super) fn id_of(key: &str) -> Option<&str> {
    let (id, secret) = key.strip_prefix(PREFIX)?.rsplit_once('_')?;
    (secret.len() == SECRET_LENGTH + CHECK_LENGTH).then_some(id)
}

/// Whether the checksum of a key is right, which says no more than that it was typed well.
pub(super) fn is_well_typed(key: &str) -> bool {
    let at = key.len().checked_sub(CHECK_LENGTH);
    let parts = at.and_then(|at| key.split_at_checked(at));
    parts.is_some_and(|(body, sum)| sum == check(body))
}

fn check(text: &str) -> String {
    static HASHER: LazyLock<blake3::Hasher> =
        LazyLock::new(|| blake3::Hasher::new_derive_key(CHECK_CONTEXT));
    let hash = derived(&HASHER, text);
    let number = hash
        .iter()
        .take(4)
        .fold(0_usize, |number, byte| (number << 8) | usize::from(*byte));
    let digits = (0..CHECK_LENGTH).scan(number, |rest, _| {
        let digit = *rest % ALPHABET.len();
        *rest /= ALPHABET.len();
        ALPHABET.get(digit).map(|sign| char::from(*sign))
    });
    digits.collect()
}

/// As `blake3::derive_key`, where the context is hashed already.
fn derived(context: &blake3::Hasher, text: &str) -> [u8; 32] {
    *context
        .clone()
        .update(text.as_bytes())
        .finalize()
        .as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_has_an_id_a_check_and_a_hash() {
        let key = NewKey::generate("ci-bot".parse().unwrap()).unwrap();
        let text = key.text().expose();
        assert_eq!(id_of(text), Some("ci-bot"));
        assert!(is_well_typed(text));
        assert!(key.hash().is_of(text));
        let other = NewKey::generate("ci-bot".parse().unwrap()).unwrap();
        assert_ne!(other.text(), key.text());
        assert!(!other.hash().is_of(text));
        assert!(!format!("{key:?}").contains(text));
    }

    #[test]
    fn every_typing_error_is_known_as_one() {
        let key = NewKey::generate("k".parse().unwrap()).unwrap();
        let text = key.text().expose();
        for at in 6..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(id_of(&wrong).is_none() || !is_well_typed(&wrong), "{wrong}");
        }
        assert_eq!(id_of(&text[..text.len() - 1]), None);
        assert_eq!(id_of("mcpo2_"), None);
        assert_eq!(id_of("mcpo2_k_"), None);
    }

    #[test]
    fn an_entry_loads_and_a_key_in_place_of_its_hash_is_not_repeated() {
        let key = NewKey::generate("k.1".parse().unwrap()).unwrap();
        let entry = key.entry(&"acme".parse().unwrap());
        let keys: Vec<crate::config::ApiKey> = serde_saphyr::from_str(&entry).unwrap();
        assert!(keys[0].hash.is_of(key.text().expose()));
        let json = serde_json::to_string(key.text().expose()).unwrap();
        let error = serde_json::from_str::<KeyHash>(&json)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("mcpo2_"), "{error}");
    }
}
