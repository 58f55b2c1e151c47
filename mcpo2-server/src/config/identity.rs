use std::{path::PathBuf, time::Duration};

use mcpo2_core::{PrincipalId, PrincipalKind, TenantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unit::duration;
use crate::identity::{KeyHash, KeyId};

/// Who may call, and how callers show who they are.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Identity {
    /// Lets callers from this machine in without any credential. Refused where `listen` is not a
    /// loopback address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<Anonymous>,
    /// API keys. `mcpo2 key ID` makes one and shows it once; only its hash stands here.
    pub api_keys: Vec<ApiKey>,
    /// Bearer tokens of an identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// The URL of this gateway, as clients know it. With it, they find the identity provider
    /// through `/.well-known/oauth-protected-resource` (RFC 9728).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// Who a caller without a credential is.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Anonymous {
    /// The tenant.
    #[schemars(with = "String")]
    pub tenant: TenantId,
    /// The caller's id; `anonymous` if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub principal: Option<PrincipalId>,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The project of the tenant that such callers work for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

impl Anonymous {
    /// Nobody known, of this tenant and without roles.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            principal: None,
            roles: Vec::new(),
            project: None,
        }
    }
}

/// One API key: whose it is, and the hash of it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ApiKey {
    /// The id of the key, which is also that of the caller. It stands in the key itself.
    #[schemars(with = "String")]
    pub id: KeyId,
    /// The tenant.
    #[schemars(with = "String")]
    pub tenant: TenantId,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The project of the tenant that its user works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What kind of caller uses it.
    #[serde(default = "ApiKey::default_kind")]
    #[schemars(with = "super::schema::PrincipalKind")]
    pub kind: PrincipalKind,
    /// The hash that was shown with the key.
    #[schemars(with = "String")]
    pub hash: KeyHash,
}

impl ApiKey {
    /// A key of an agent, without roles.
    #[must_use]
    pub fn new(id: KeyId, tenant: TenantId, hash: KeyHash) -> Self {
        Self {
            id,
            tenant,
            roles: Vec::new(),
            project: None,
            kind: Self::default_kind(),
            hash,
        }
    }

    fn default_kind() -> PrincipalKind {
        PrincipalKind::Agent
    }
}

/// Bearer tokens that are JWTs. `iss`, `aud`, `exp` and `nbf` are checked; the caller's id is `sub`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Jwt {
    /// The issuer, exactly as in `iss`.
    pub issuer: String,
    /// The audience, exactly as in `aud`: this gateway. A token for another is refused.
    pub audience: String,
    /// The file with the public keys of the issuer, a JSON Web Key Set.
    pub jwks_file: PathBuf,
    /// The claim that names the tenant.
    #[serde(default = "Jwt::default_tenant_claim")]
    pub tenant_claim: String,
    /// The claim that lists the roles.
    #[serde(default = "Jwt::default_roles_claim")]
    pub roles_claim: String,
    /// The claim that names the project of the tenant that the caller works for. A token without
    /// it is of no project.
    #[serde(default = "Jwt::default_project_claim")]
    pub project_claim: String,
    /// How far the clocks of issuer and gateway may differ; at most five minutes.
    #[serde(with = "duration", default = "Jwt::default_leeway")]
    #[schemars(with = "super::schema::Duration")]
    pub leeway: Duration,
    /// The algorithms that are accepted. Which one a key is for, the key says; symmetric ones are
    /// never accepted.
    #[serde(default = "Jwt::default_algorithms")]
    pub algorithms: Vec<Algorithm>,
}

impl Jwt {
    /// Tokens of this issuer for this audience, by the keys in this file.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        jwks_file: impl Into<PathBuf>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_file: jwks_file.into(),
            tenant_claim: Self::default_tenant_claim(),
            roles_claim: Self::default_roles_claim(),
            project_claim: Self::default_project_claim(),
            leeway: Self::default_leeway(),
            algorithms: Self::default_algorithms(),
        }
    }

    fn default_tenant_claim() -> String {
        "tenant".into()
    }

    fn default_roles_claim() -> String {
        "roles".into()
    }

    fn default_project_claim() -> String {
        "project".into()
    }

    fn default_leeway() -> Duration {
        Duration::from_secs(30)
    }

    fn default_algorithms() -> Vec<Algorithm> {
        use Algorithm::*;
        vec![
            EdDSA, ES256, ES384, PS256, PS384, PS512, RS256, RS384, RS512,
        ]
    }
}

/// A signature algorithm of a JWT, all of them asymmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names of RFC 7518 and RFC 8037")]
pub enum Algorithm {
    EdDSA,
    ES256,
    ES384,
    PS256,
    PS384,
    PS512,
    RS256,
    RS384,
    RS512,
}
