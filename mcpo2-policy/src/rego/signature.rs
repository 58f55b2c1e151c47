//! Signatures of bundles, as OPA makes them: a JWT that names all files with their hashes.

use std::{collections::BTreeMap, fmt};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::{RegoError, hash::hash, source::Files};

/// The file of the signature.
pub(super) const SIGNATURES: &str = ".signatures.json";

/// The key by which a bundle must be signed.
///
/// A bundle that has no signature, a bad one, or files that the signature does not name is refused.
/// Certificates, plug-ins of OPA and detached keys by `keyid` are not supported: there is one key.
///
/// ```
/// use mcpo2_policy::{BundleKey, KeyAlgorithm, RegoBundle, RegoErrorKind};
///
/// let key = BundleKey::new(KeyAlgorithm::Hs256, b"a secret of thirty-two bytes, ok")?;
/// let error = RegoBundle::from_tarball(b"no tarball", Some(&key)).unwrap_err();
/// assert_eq!(error.kind(), RegoErrorKind::Form);
/// # Ok::<(), mcpo2_policy::RegoError>(())
/// ```
pub struct BundleKey {
    algorithm: Algorithm,
    key: DecodingKey,
    scope: Option<Box<str>>,
}

/// How a bundle is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256: the key is the secret.
    Hs256,
    /// RSA with SHA-256: the key is public, in PEM.
    Rs256,
    /// ECDSA on P-256 with SHA-256: the key is public, in PEM.
    Es256,
    /// Ed25519: the key is public, in PEM.
    EdDsa,
}

#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    files: Vec<Signed>,
    #[serde(default)]
    scope: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Signed {
    name: String,
    hash: String,
    algorithm: String,
}

impl BundleKey {
    /// This key.
    ///
    /// # Errors
    ///
    /// [`RegoError`] where it is no key of this algorithm.
    pub fn new(algorithm: KeyAlgorithm, key: &[u8]) -> Result<Self, RegoError> {
        let (algorithm, key) = match algorithm {
            KeyAlgorithm::Hs256 if key.len() < 32 => {
                return Err(RegoError::unsigned("a secret has at least 32 bytes"));
            }
            KeyAlgorithm::Hs256 => (Algorithm::HS256, Ok(DecodingKey::from_secret(key))),
            KeyAlgorithm::Rs256 => (Algorithm::RS256, DecodingKey::from_rsa_pem(key)),
            KeyAlgorithm::Es256 => (Algorithm::ES256, DecodingKey::from_ec_pem(key)),
            KeyAlgorithm::EdDsa => (Algorithm::EdDSA, DecodingKey::from_ed_pem(key)),
        };
        Ok(Self {
            algorithm,
            key: key.map_err(|error| RegoError::unsigned(format!("it is no key: {error}")))?,
            scope: None,
        })
    }

    /// The same, for bundles that are signed for this scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Checks that all these files are signed, and no others.
    pub(super) fn check(&self, files: &Files) -> Result<(), RegoError> {
        let claims = self.claims(files)?;
        if self.scope.is_some() && claims.scope != self.scope {
            return Err(RegoError::unsigned("it is signed for another scope"));
        }
        let mut signed = BTreeMap::new();
        for file in &claims.files {
            let name = file.name.trim_start_matches('/');
            if signed.insert(name, file).is_some() {
                return Err(RegoError::unsigned(format!("`{name}` is signed twice")));
            }
        }
        for (path, content) in &files.by_path {
            if path == SIGNATURES {
                continue;
            }
            let unsigned = || RegoError::unsigned(format!("`{path}` is not as it was signed"));
            let file = signed.remove(path.as_str()).ok_or_else(unsigned)?;
            let is = hash(path, content, &file.algorithm).ok_or_else(unsigned)?;
            if !is.eq_ignore_ascii_case(&file.hash) {
                return Err(unsigned());
            }
        }
        match signed.keys().next() {
            Some(path) => Err(RegoError::unsigned(format!("`{path}` is missing"))),
            None => Ok(()),
        }
    }

    fn claims(&self, files: &Files) -> Result<Claims, RegoError> {
        let unsigned = |error: &dyn fmt::Display| RegoError::unsigned(error);
        let file = files.by_path.get(SIGNATURES);
        let file = file.ok_or_else(|| RegoError::unsigned("the bundle is not signed"))?;
        let signatures: Signatures =
            serde_json::from_slice(file).map_err(|error| unsigned(&error))?;
        // As in OPA, exactly one.
        let [token] = signatures.signatures.as_slice() else {
            return Err(RegoError::unsigned("a bundle has one signature"));
        };
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let token = jsonwebtoken::decode::<Claims>(token, &self.key, &validation);
        token
            .map(|token| token.claims)
            .map_err(|error| unsigned(&error))
    }
}

impl fmt::Debug for BundleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundleKey")
            .field("algorithm", &self.algorithm)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
