use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_artifact::token::{
    Access, Audience, Grant, Issuer, Keys, Limits, Mint, Object, Presenter, Reason, Revocations,
    Secret, SignedReference, Uses, Verb, Verbs, Verifier,
};
use mcpo2_core::{AuthMethod, Decision, Digest, Obligations, Principal};

pub(crate) const GATEWAY: &str = "gw.example";

/// An issuer and a verifier that share their keys, under a clock that stands.
pub(crate) struct Gateway {
    pub(crate) issuer: Issuer,
    pub(crate) verifier: Verifier,
    pub(crate) keys: Arc<Keys>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) uses: Arc<Uses>,
    pub(crate) now: SystemTime,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Self::with(Keys::new(&secret(7)), Uses::default())
    }

    pub(crate) fn with(keys: Keys, uses: Uses) -> Self {
        let now = now();
        let (keys, uses) = (Arc::new(keys), Arc::new(uses));
        let revocations = Arc::new(Revocations::new(now));
        let issuer = Issuer::new(
            GATEWAY.parse().unwrap(),
            Arc::clone(&keys),
            Arc::clone(&revocations),
            Limits::default(),
        );
        let verifier = Verifier::new(
            GATEWAY.parse().unwrap(),
            Arc::clone(&keys),
            Arc::clone(&revocations),
            Arc::clone(&uses),
        );
        Self {
            issuer,
            verifier,
            keys,
            revocations,
            uses,
            now,
        }
    }

    pub(crate) fn sign(&self, mint: Mint) -> SignedReference {
        self.issuer.sign(mint, self.now).unwrap()
    }

    pub(crate) fn read<'p>(
        &self,
        token: &str,
        presenter: impl Into<Presenter<'p>>,
    ) -> Result<Grant, Reason> {
        self.verify(token, presenter, &Verb::Read)
    }

    pub(crate) fn verify<'p>(
        &self,
        token: &str,
        presenter: impl Into<Presenter<'p>>,
        verb: &Verb,
    ) -> Result<Grant, Reason> {
        let granted = self.verifier.verify(token, presenter, verb, self.now);
        granted.map_err(|refused| {
            assert_eq!(refused.to_string(), "no such artifact");
            assert_eq!(format!("{refused:?}"), "Refused(..)");
            refused.reason()
        })
    }

    pub(crate) fn access(&self, reference: &SignedReference) -> Access {
        allow(self.read(reference.token(), &ada()).unwrap())
    }
}

pub(crate) fn allow(grant: Grant) -> Access {
    let decision = Decision::Allow(Obligations::default());
    grant.decide(decision).unwrap()
}

/// For ada, all verbs.
pub(crate) fn mint() -> Mint {
    let object = Object::Blob(Digest::of(b"a log"));
    Mint::new(tenant("acme"), object, Audience::principal(&ada())).with_verbs(verbs())
}

pub(crate) fn verbs() -> Verbs {
    let tools = "github__*".parse().unwrap();
    Verbs::NONE.stat().read().search().pass_to_tool(tools)
}

pub(crate) fn all_verbs() -> [Verb; 5] {
    let pass = |tool: &str| Verb::PassToTool(tool.into());
    [
        Verb::Stat,
        Verb::Read,
        Verb::Search,
        pass("github__push"),
        pass("gitlab__push"),
    ]
}

pub(crate) fn tenant(name: &str) -> mcpo2_core::TenantId {
    name.parse().unwrap()
}

pub(crate) fn principal(tenant: &str, id: &str, auth: AuthMethod) -> Principal {
    Principal::new(tenant.parse().unwrap(), id.parse().unwrap(), auth)
}

pub(crate) fn ada() -> Principal {
    principal("acme", "ada", AuthMethod::Jwt)
}

pub(crate) fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32])
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
