//! Signatures of bundles, as OPA makes them: a JWT that names all files with their hashes.

use std::{collections::BTreeMap, fmt};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use serde::Deserialize;

use super::{RegoError, hash::hash, source::Files};

/// The file of the signature.
pub(super) const SIGNATURES: &str = ".signatures.json";

/// The key by which a bundle must be signed.
///
/// A bundle that has no signature, a bad one, or files that the signature does not name is refused.
/// There is one key, whatever `keyid` the signature names. Keys in PEM, certificates and plug-ins of
/// OPA are not supported.
///
/// ```
/// use mcpo2_policy::{BundleKey, RegoBundle, RegoErrorKind};
///
/// let key = BundleKey::secret(b"a secret of thirty-two bytes, ok")?;
/// let error = RegoBundle::from_tarball(b"no tarball", Some(&key)).unwrap_err();
/// assert_eq!(error.kind(), RegoErrorKind::Form);
/// # Ok::<(), mcpo2_policy::RegoError>(())
/// ```
pub struct BundleKey {
    algorithm: Algorithm,
    key: DecodingKey,
    scope: Option<Box<str>>,
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
    /// A secret, for signatures by HMAC with SHA-256 (`HS256`).
    ///
    /// # Errors
    ///
    /// [`RegoError`] where it is shorter than 32 bytes.
    pub fn secret(secret: &[u8]) -> Result<Self, RegoError> {
        match secret.len() < 32 {
            true => Err(RegoError::unsigned("a secret has at least 32 bytes")),
            false => Ok(Self::of(Algorithm::HS256, DecodingKey::from_secret(secret))),
        }
    }

    /// A public key as a JWK (RFC 7517), for signatures by RSA (`RS256`), ECDSA on P-256 (`ES256`)
    /// or Ed25519 (`EdDSA`).
    ///
    /// # Errors
    ///
    /// [`RegoError`] where it is no such key.
    pub fn jwk(json: &str) -> Result<Self, RegoError> {
        let wrong =
            |error: &dyn fmt::Display| RegoError::unsigned(format!("it is no key: {error}"));
        let jwk: Jwk = serde_json::from_str(json).map_err(|error| wrong(&error))?;
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
            _ => return Err(wrong(&"its type is not supported")),
        };
        let key = DecodingKey::from_jwk(&jwk).map_err(|error| wrong(&error))?;
        Ok(Self::of(algorithm, key))
    }

    fn of(algorithm: Algorithm, key: DecodingKey) -> Self {
        Self {
            algorithm,
            key,
            scope: None,
        }
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
