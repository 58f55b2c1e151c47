//! Who is calling: API keys, bearer JWTs, and nobody in particular on a loopback address.
//!
//! A credential comes in one `Authorization` header and nowhere else. One that is presented and
//! wrong is refused, also where anonymous callers are let in. What the caller sent goes no further
//! than this module: behind it there is only the [`Principal`].

mod cache;
mod challenge;
mod error;
mod jwt;
mod key;
mod resource;

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::SystemTime};

use http::{HeaderMap, header};
use mcpo2_core::{AuthMethod, Principal, PrincipalId, PrincipalKind};

use self::{challenge::Challenge, jwt::Verifier};
use crate::config;

pub use self::{
    error::{AuthError, AuthErrorKind, IdentityError},
    key::{KeyHash, KeyId, KeyIdError, NewKey},
    resource::ProtectedResource,
};

/// No credential is longer.
const MAX_TOKEN: usize = 16 * 1024;

/// What proxies add. Where one of them stands, the peer is not the caller.
pub(crate) const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// From this machine.
    Loopback,
    /// From anywhere else.
    Remote,
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical().is_loopback() {
            true => Self::Loopback,
            false => Self::Remote,
        }
    }
}

/// Finds out who is calling.
///
/// ```
/// use std::time::SystemTime;
/// use http::{HeaderMap, header::AUTHORIZATION};
/// use mcpo2_server::{config::{ApiKey, Identity}, identity::{Authenticator, NewKey, Peer}};
///
/// let new = NewKey::generate("ci-bot".parse()?)?;
/// let mut identity = Identity::default();
/// identity.api_keys.push(ApiKey::new(new.id().clone(), "acme".parse()?, new.hash().clone()));
/// let authenticator = Authenticator::new(&identity)?;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(AUTHORIZATION, format!("Bearer {}", new.text().expose()).parse()?);
/// let caller = authenticator.authenticate(&headers, Peer::Remote, SystemTime::now())?;
/// assert_eq!(caller.to_string(), "acme/ci-bot");
///
/// let refused = authenticator.authenticate(&HeaderMap::new(), Peer::Remote, SystemTime::now());
/// assert_eq!(refused.unwrap_err().status(), 401);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Authenticator {
    keys: HashMap<KeyId, (KeyHash, Arc<Principal>)>,
    /// The hash of no key.
    nobody: KeyHash,
    jwt: Option<Verifier>,
    anonymous: Option<Arc<Principal>>,
    resource: Option<ProtectedResource>,
    challenge: Challenge,
}

impl Authenticator {
    /// Reads the keys of the identity provider, if there is one, and makes all ready.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] says which key of the configuration is wrong: keys of the provider that
    /// cannot be read, an API key that stands twice, a resource that is no URL.
    pub fn new(identity: &config::Identity) -> Result<Self, IdentityError> {
        let mut keys = HashMap::with_capacity(identity.api_keys.len());
        for (index, key) in identity.api_keys.iter().enumerate() {
            let principal =
                key_principal(key).map_err(|error| IdentityError::api_key(index, error))?;
            if keys
                .insert(key.id.clone(), (key.hash.clone(), Arc::new(principal)))
                .is_some()
            {
                let error = format!("the id `{}` stands twice", key.id);
                return Err(IdentityError::api_key(index, error));
            }
        }
        let issuer = identity.jwt.as_ref().map(|jwt| jwt.issuer.as_str());
        let resource = identity.resource.as_deref();
        let resource = resource
            .map(|url| ProtectedResource::new(url, issuer))
            .transpose()?;
        Ok(Self {
            keys,
            nobody: KeyHash::of(""),
            jwt: identity.jwt.as_ref().map(Verifier::new).transpose()?,
            anonymous: identity
                .anonymous
                .as_ref()
                .map(anonymous_principal)
                .transpose()?
                .map(Arc::new),
            challenge: Challenge::new(resource.as_ref()),
            resource,
        })
    }

    /// Says who sent a request with these headers.
    ///
    /// # Errors
    ///
    /// [`AuthError`], with the status and the `WWW-Authenticate` of the answer.
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Peer,
        now: SystemTime,
    ) -> Result<Arc<Principal>, AuthError> {
        let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
        let outcome = match (credentials.next(), credentials.next()) {
            (None, _) => self.anonymous(headers, peer),
            (Some(_), Some(_)) => Err((
                AuthErrorKind::Malformed,
                "more than one Authorization header",
            )),
            (Some(credential), None) => match bearer(credential.as_bytes()) {
                Some(token) => self
                    .token(token, now)
                    .map_err(|why| (AuthErrorKind::Invalid, why)),
                None => Err((
                    AuthErrorKind::Malformed,
                    "the Authorization header is no bearer token",
                )),
            },
        };
        outcome.map_err(|(kind, reason)| AuthError::new(kind, reason, self.challenge.of(kind)))
    }

    /// What clients may learn of this gateway as a resource of OAuth (RFC 9728), if that is
    /// configured.
    #[must_use]
    pub fn resource(&self) -> Option<&ProtectedResource> {
        self.resource.as_ref()
    }

    fn anonymous(
        &self,
        headers: &HeaderMap,
        peer: Peer,
    ) -> Result<Arc<Principal>, (AuthErrorKind, &'static str)> {
        let missing = |why| (AuthErrorKind::Missing, why);
        let anonymous = self
            .anonymous
            .as_ref()
            .ok_or_else(|| missing("no credential"))?;
        if peer != Peer::Loopback {
            return Err(missing("no credential, and not from this machine"));
        }
        if FORWARDED.iter().any(|name| headers.contains_key(*name)) {
            return Err(missing("no credential, and forwarded by a proxy"));
        }
        Ok(Arc::clone(anonymous))
    }

    fn token(&self, token: &str, now: SystemTime) -> Result<Arc<Principal>, &'static str> {
        if key::is_key(token) {
            return self.key(token);
        }
        match &self.jwt {
            Some(jwt) => jwt.verify(token, now),
            None => Err("neither an API key nor a token of a known issuer"),
        }
    }

    fn key(&self, text: &str) -> Result<Arc<Principal>, &'static str> {
        let mistyped = "an API key with a typing error";
        let id = key::id_of(text).ok_or(mistyped)?;
        // The hash is computed and compared also for an unknown id: both take the same time.
        let known = self.keys.get(id);
        let hash = known.map_or(&self.nobody, |(hash, _)| hash);
        match (hash.is_of(text), known) {
            (true, Some((_, principal))) => Ok(Arc::clone(principal)),
            _ if !key::is_well_typed(text) => Err(mistyped),
            _ => Err("an unknown API key"),
        }
    }
}

fn key_principal(key: &config::ApiKey) -> Result<Principal, mcpo2_core::NameError> {
    let id = PrincipalId::new(key.id.as_str())?;
    let principal = Principal::new(key.tenant.clone(), id, AuthMethod::ApiKey);
    let principal = principal
        .with_kind(key.kind)
        .with_roles(key.roles.iter().map(String::as_str));
    Ok(for_project(principal, key.project.as_deref()))
}

fn anonymous_principal(anonymous: &config::Anonymous) -> Result<Principal, IdentityError> {
    let id = match &anonymous.principal {
        Some(id) => id.clone(),
        None => PrincipalId::new("anonymous").map_err(|error| IdentityError::anonymous(&error))?,
    };
    let principal = Principal::new(anonymous.tenant.clone(), id, AuthMethod::None);
    let principal = principal
        .with_kind(PrincipalKind::Anonymous)
        .with_roles(anonymous.roles.iter().map(String::as_str));
    Ok(for_project(principal, anonymous.project.as_deref()))
}

fn for_project(principal: Principal, project: Option<&str>) -> Principal {
    match project {
        Some(project) => principal.with_project(project),
        None => principal,
    }
}

/// The token of `Bearer TOKEN` (RFC 6750).
fn bearer(credential: &[u8]) -> Option<&str> {
    let (scheme, token) = str::from_utf8(credential).ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let in_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let is_token = !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(in_token);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}
