use mcpo2_core::{AuthMethod, Principal, PrincipalId, TenantId};
use serde_json::{Map, Value};

use super::{super::for_project, IdentityError};
use crate::config;

const MAX_LEEWAY: u64 = 300;

/// What a verified token must say.
#[derive(Debug)]
pub(super) struct Claims {
    issuer: String,
    audience: String,
    tenant: String,
    roles: String,
    project: String,
    leeway: u64,
}

impl Claims {
    pub(super) fn new(jwt: &config::Jwt) -> Result<Self, IdentityError> {
        let leeway = jwt.leeway.as_secs();
        if leeway > MAX_LEEWAY {
            return Err(IdentityError::jwt(
                "leeway",
                "the leeway is at most five minutes",
            ));
        }
        for (key, text) in [("issuer", &jwt.issuer), ("audience", &jwt.audience)] {
            if text.is_empty() {
                return Err(IdentityError::jwt(key, format!("the {key} is empty")));
            }
        }
        Ok(Self {
            issuer: jwt.issuer.clone(),
            audience: jwt.audience.clone(),
            tenant: jwt.tenant_claim.clone(),
            roles: jwt.roles_claim.clone(),
            project: jwt.project_claim.clone(),
            leeway,
        })
    }

    /// Who they speak of, and until when, both in seconds since 1970.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        now: u64,
    ) -> Result<(Principal, u64), &'static str> {
        let until = self.check_time(claims, now)?;
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err("another issuer");
        }
        if !self.is_for_us(claims.get("aud")) {
            return Err("another audience");
        }
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .ok_or("no subject")?;
        let subject = PrincipalId::new(subject).map_err(|_| "a subject that is no principal id")?;
        let tenant = claims
            .get(&self.tenant)
            .and_then(Value::as_str)
            .ok_or("no tenant")?;
        let tenant = TenantId::new(tenant).map_err(|_| "a tenant that is no tenant id")?;
        let roles = words(claims.get(&self.roles)).ok_or("roles that cannot be read")?;
        let scopes = words(claims.get("scope")).ok_or("scopes that cannot be read")?;
        let principal = Principal::new(tenant, subject, AuthMethod::Jwt);
        let principal = principal.with_roles(roles).with_scopes(scopes);
        let project = match claims.get(&self.project) {
            None | Some(Value::Null) => None,
            Some(project) => Some(project.as_str().ok_or("a project that is no text")?),
        };
        Ok((for_project(principal, project), until))
    }

    fn check_time(&self, claims: &Map<String, Value>, now: u64) -> Result<u64, &'static str> {
        let exp = claims.get("exp").ok_or("no expiry")?;
        let until = seconds(exp)
            .ok_or("an expiry that cannot be read")?
            .saturating_add(self.leeway);
        if now >= until {
            return Err("expired");
        }
        if let Some(nbf) = claims.get("nbf") {
            let from = seconds(nbf).ok_or("a beginning that cannot be read")?;
            if now.saturating_add(self.leeway) < from {
                return Err("not valid yet");
            }
        }
        Ok(until)
    }

    fn is_for_us(&self, audience: Option<&Value>) -> bool {
        match audience {
            Some(Value::String(one)) => *one == self.audience,
            Some(Value::Array(several)) => {
                several.iter().all(Value::is_string)
                    && several
                        .iter()
                        .any(|one| one.as_str() == Some(&self.audience))
            }
            _ => false,
        }
    }
}

/// A `NumericDate` (RFC 7519), without its fraction.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        // A fraction is rare and never needed: the whole seconds are read from its text.
        let text = value.as_number()?.to_string();
        let (whole, fraction) = text.split_once('.')?;
        fraction.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        whole.parse().ok()
    })
}

/// A list of texts, or one text of words; none of either is no word.
fn words(value: Option<&Value>) -> Option<Vec<&str>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) => Some(text.split_ascii_whitespace().collect()),
        Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
        Some(_) => None,
    }
}
