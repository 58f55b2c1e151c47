mod claims;
mod keys;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Header, Validation};
use mcpo2_core::Principal;
use serde_json::{Map, Value};

use self::{claims::Claims, keys::Keys};
use super::{IdentityError, cache::Cache};
use crate::config;

/// Verifies bearer JWTs of one issuer (RFC 7519, RFC 8725, RFC 9068).
///
/// Which key and which algorithm count, the key set of the operator says: of the header only
/// `kid` and `alg` are read, to choose and to compare. Nothing in a token is ever fetched.
#[derive(Debug)]
pub(super) struct Verifier {
    keys: Keys,
    claims: Claims,
    cache: Cache,
}

impl Verifier {
    pub(super) fn new(jwt: &config::Jwt) -> Result<Self, IdentityError> {
        let keys = std::fs::read_to_string(&jwt.jwks_file)
            .map_err(|error| format!("it cannot be read: {error}"));
        let keys = keys.and_then(|text| Keys::parse(&text, &jwt.algorithms));
        let keys = keys.map_err(|error| IdentityError::jwt("jwks_file", error))?;
        Ok(Self {
            keys,
            claims: Claims::new(jwt)?,
            cache: Cache::default(),
        })
    }

    /// Says whose the token is, or why it is not valid.
    pub(super) fn verify(
        &self,
        token: &str,
        now: SystemTime,
    ) -> Result<Arc<Principal>, &'static str> {
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_err(|_| "the clock stands before 1970")?
            .as_secs();
        if let Some(principal) = self.cache.find(token, now) {
            return Ok(principal);
        }
        let claims = self.signed_claims(token)?;
        let (principal, until) = self.claims.check(&claims, now)?;
        let principal = Arc::new(principal);
        self.cache.insert(token, Arc::clone(&principal), until);
        Ok(principal)
    }

    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, &'static str> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| "no JWT that can be read")?;
        check_header(&header)?;
        let key = self.keys.find(header.kid.as_deref())?;
        if !key.algorithms.contains(&header.alg) {
            return Err("an algorithm that its key is not for");
        }
        // INVARIANT: only the signature is checked here; `Claims::check` does the rest, with a
        // clock that is passed in and with claims that must be there.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let token = jsonwebtoken::decode(token, &key.key, &validation);
        token
            .map(|token| token.claims)
            .map_err(|_| "a signature that does not hold")
    }
}

fn check_header(header: &Header) -> Result<(), &'static str> {
    if header.crit.is_some() {
        return Err("a critical extension that is not known");
    }
    // A token that was made for another purpose must not pass for one (RFC 8725, 3.11).
    let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
    match typ.as_deref() {
        None | Some("jwt" | "at+jwt" | "application/at+jwt") => Ok(()),
        Some(_) => Err("a token that is for another purpose"),
    }
}
