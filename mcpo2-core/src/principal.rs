use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{Digest, PrincipalId, TenantId};

/// What kind of caller this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A person.
    User,
    /// An agent that acts for somebody.
    Agent,
    /// A service.
    Service,
    /// Nobody known.
    Anonymous,
}

/// How a caller showed who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthMethod {
    /// Not at all.
    None,
    /// By an API key.
    ApiKey,
    /// By a bearer JWT.
    Jwt,
    /// By the operating system: the process that started us, on its own stdio.
    Process,
    /// By the host that embeds the layers.
    Host,
}

/// Who calls, as the authentication of the host established it.
///
/// Nothing that the caller says of itself (`clientInfo`, headers) is ever in here.
///
/// ```
/// use mcpo2_core::{AuthMethod, Principal};
/// let principal = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host)
///     .with_roles(["analyst"]);
/// assert!(principal.has_role("analyst"));
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Principal {
    tenant: TenantId,
    id: PrincipalId,
    kind: PrincipalKind,
    auth: AuthMethod,
    roles: BTreeSet<Box<str>>,
    scopes: BTreeSet<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Box<str>>,
}

impl Principal {
    /// A user of this tenant, without roles or scopes.
    #[must_use]
    pub fn new(tenant: TenantId, id: PrincipalId, auth: AuthMethod) -> Self {
        let (roles, scopes) = (BTreeSet::new(), BTreeSet::new());
        Self {
            tenant,
            id,
            kind: PrincipalKind::User,
            auth,
            roles,
            scopes,
            project: None,
        }
    }

    /// The same of another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: PrincipalKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same with these roles.
    #[must_use]
    pub fn with_roles<R: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// The same with these OAuth scopes.
    #[must_use]
    pub fn with_scopes<R: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = R>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The same principal, at work for this project of its tenant.
    #[must_use]
    pub fn with_project(mut self, project: impl Into<Box<str>>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The caller's id, unique in the tenant.
    #[must_use]
    pub fn id(&self) -> &PrincipalId {
        &self.id
    }

    /// The kind of caller.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// How it showed who it is.
    #[must_use]
    pub fn auth(&self) -> AuthMethod {
        self.auth
    }

    /// What stays the same of this caller from call to call: tenant, id and how it showed who it
    /// is. Roles and scopes are not in it, since they may change under what is bound to a caller.
    #[must_use]
    pub fn binding(&self) -> Digest {
        let auth = match self.auth {
            AuthMethod::None => "none",
            AuthMethod::ApiKey => "api_key",
            AuthMethod::Jwt => "jwt",
            AuthMethod::Process => "process",
            AuthMethod::Host => "host",
        };
        let mut bytes = Vec::new();
        for part in [
            "mcpo2.principal/v1",
            self.tenant.as_str(),
            self.id.as_str(),
            auth,
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Digest::of(&bytes)
    }

    /// Its roles, in order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(AsRef::as_ref)
    }

    /// Its OAuth scopes, in order.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(AsRef::as_ref)
    }

    /// Whether its token has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// The project of its tenant that it works for, if one is known.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Whether it has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_tells_callers_apart_and_not_what_they_may_do() {
        let of = |tenant: &str, id: &str, auth| {
            Principal::new(tenant.parse().unwrap(), id.parse().unwrap(), auth)
        };
        let ada = of("acme", "ada", AuthMethod::Jwt);
        assert_eq!(ada.binding(), ada.clone().with_roles(["admin"]).binding());
        for other in [
            of("acmea", "da", AuthMethod::Jwt),
            of("acme", "bob", AuthMethod::Jwt),
            of("acme", "ada", AuthMethod::ApiKey),
        ] {
            assert_ne!(ada.binding(), other.binding(), "{other}");
        }
    }
}
