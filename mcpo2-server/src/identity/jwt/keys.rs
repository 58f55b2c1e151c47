use std::{collections::HashMap, fmt};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use crate::config;

/// The public keys of an issuer.
#[derive(Debug)]
pub(super) struct Keys {
    by_id: HashMap<String, Key>,
    /// A key without an id; only where it is the only one.
    single: Option<Key>,
}

/// A public key, and what it is for.
pub(super) struct Key {
    pub(super) key: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Keys {
    /// Reads a JSON Web Key Set (RFC 7517). Keys that are not for signatures, and those of unknown
    /// types, are passed over, as the RFC says; what is dangerous is refused.
    pub(super) fn parse(text: &str, allowed: &[config::Algorithm]) -> Result<Self, String> {
        let set: KeySet =
            serde_json::from_str(text).map_err(|error| format!("no JSON Web Key Set: {error}"))?;
        let mut keys = Vec::new();
        for value in set.keys {
            if let Some(key) = read(&value, allowed)? {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err("no public key in it can be used".into());
        }
        let is_single = keys.len() == 1;
        let mut set = Self {
            by_id: HashMap::new(),
            single: None,
        };
        for (id, key) in keys {
            match id {
                Some(id) => {
                    if let Some(_twice) = set.by_id.insert(id.clone(), key) {
                        return Err(format!("the key id `{id}` stands twice"));
                    }
                }
                None if is_single => set.single = Some(key),
                None => return Err("a key has no `kid`, and there are others".into()),
            }
        }
        Ok(set)
    }

    /// The key of this id. A token may do without one only where there is only one key.
    pub(super) fn find(&self, id: Option<&str>) -> Result<&Key, &'static str> {
        match (id, &self.single) {
            (_, Some(single)) => Ok(single),
            (Some(id), None) => self.by_id.get(id).ok_or("a key that is not known"),
            (None, None) => match (self.by_id.len(), self.by_id.values().next()) {
                (1, Some(key)) => Ok(key),
                _ => Err("no `kid`, and there are several keys"),
            },
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

fn read(
    value: &Value,
    allowed: &[config::Algorithm],
) -> Result<Option<(Option<String>, Key)>, String> {
    if value.get("d").is_some() {
        return Err("it holds a private key; only public keys belong here".into());
    }
    let Ok(jwk) = Jwk::deserialize(value) else {
        return Ok(None);
    };
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) {
        return Ok(None);
    }
    let mut algorithms = algorithms(&jwk.algorithm);
    if let Some(only) = jwk.common.key_algorithm {
        let only = only.to_string().parse().ok();
        algorithms.retain(|algorithm| Some(*algorithm) == only);
    }
    algorithms.retain(|algorithm| allowed.iter().any(|allowed| native(*allowed) == *algorithm));
    if algorithms.is_empty() {
        return Ok(None);
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "a key in it cannot be read")?;
    Ok(Some((jwk.common.key_id, Key { key, algorithms })))
}

/// What a key of this type can verify. Symmetric keys verify nothing here.
fn algorithms(parameters: &AlgorithmParameters) -> Vec<Algorithm> {
    use Algorithm::*;
    match parameters {
        AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => vec![EdDSA],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn native(algorithm: config::Algorithm) -> Algorithm {
    match algorithm {
        config::Algorithm::EdDSA => Algorithm::EdDSA,
        config::Algorithm::ES256 => Algorithm::ES256,
        config::Algorithm::ES384 => Algorithm::ES384,
        config::Algorithm::PS256 => Algorithm::PS256,
        config::Algorithm::PS384 => Algorithm::PS384,
        config::Algorithm::PS512 => Algorithm::PS512,
        config::Algorithm::RS256 => Algorithm::RS256,
        config::Algorithm::RS384 => Algorithm::RS384,
        config::Algorithm::RS512 => Algorithm::RS512,
    }
}
