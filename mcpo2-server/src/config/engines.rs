use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Secret, unit::duration};

/// Engines in other languages, which decide beside the rules of `policy`: all must allow. What any of
/// them denies, cannot decide or answers too late is denied, and what they oblige to is owed as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Engines {
    /// Policies in Rego, in this process. It needs a build with the feature `rego`.
    pub rego: Option<Rego>,
    /// Policies in Cedar, in this process. It needs a build with the feature `cedar`.
    pub cedar: Option<Cedar>,
    /// An Open Policy Agent, asked over HTTP of each call that the others do not deny, but for the
    /// protocol's own methods. It hides nothing from lists.
    pub opa: Option<Opa>,
}

/// Policies in Rego: exactly one of `dir` and `bundle`. Their files are watched and read again like
/// this one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rego {
    /// A directory with files `*.rego` and `data.json`, and what is below it.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// A bundle of OPA (`.tar.gz`).
    #[serde(default)]
    pub bundle: Option<PathBuf>,
    /// How the bundle must be signed. Without it, signatures are not asked for.
    #[serde(default)]
    pub signed: Option<RegoSignature>,
    /// The rule that decides.
    #[serde(default = "entry_point")]
    pub entry_point: String,
    /// Of which OPA the syntax is; as the manifest of the bundle says if nothing is said, or else
    /// `v1`.
    #[serde(default)]
    pub syntax: Option<RegoSyntax>,
    /// How long one decision may take.
    #[serde(default = "time_limit", with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub time_limit: Duration,
}

/// The syntax of Rego.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum RegoSyntax {
    /// That of OPA before 1.0, without `if` and `contains`.
    V0,
    /// That of OPA 1.0.
    V1,
}

/// By what a bundle of OPA must be signed: exactly one of `jwk` and `secret`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RegoSignature {
    /// The file with the public key, as a JWK: RSA (`RS256`), P-256 (`ES256`) or Ed25519 (`EdDSA`).
    #[serde(default)]
    pub jwk: Option<PathBuf>,
    /// The secret that the signer has as well (`HS256`), of 32 bytes or more.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub secret: Option<Secret>,
    /// The scope that it must be signed for.
    #[serde(default)]
    pub scope: Option<String>,
}

/// Policies in Cedar. Tools are not told apart by their arguments' types: the schema is the one of
/// `mcpo2_policy::CedarSchema::any_tools`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Cedar {
    /// The files. They are watched and read again like this one.
    pub files: Vec<PathBuf>,
}

/// An Open Policy Agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Opa {
    /// Where it listens, such as `http://127.0.0.1:8181`. It is spoken to in clear: one that is not on
    /// this machine needs a proxy that encrypts.
    pub url: String,
    /// The document that decides.
    #[serde(default = "document")]
    pub path: String,
    /// How long it may take to answer.
    #[serde(default = "timeout", with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub timeout: Duration,
}

fn entry_point() -> String {
    "data.mcpo2.policy.decision".into()
}

fn document() -> String {
    "mcpo2/policy/decision".into()
}

fn time_limit() -> Duration {
    Duration::from_millis(100)
}

fn timeout() -> Duration {
    Duration::from_millis(250)
}

impl Engines {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The files and directories that they are made of.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        let rego = self.rego.iter().flat_map(|rego| {
            let key = rego.signed.as_ref().and_then(|signed| signed.jwk.as_ref());
            [rego.dir.as_ref(), rego.bundle.as_ref(), key]
        });
        let cedar = self.cedar.iter().flat_map(|cedar| &cedar.files);
        rego.flatten().chain(cedar).map(PathBuf::as_path)
    }

    /// Paths in the configuration are relative to its directory.
    pub(super) fn resolve(&mut self, base: &Path) {
        let mut paths = Vec::new();
        if let Some(rego) = &mut self.rego {
            let key = rego.signed.as_mut().and_then(|signed| signed.jwk.as_mut());
            paths.extend([rego.dir.as_mut(), rego.bundle.as_mut(), key]);
        }
        let cedar = self.cedar.iter_mut().flat_map(|cedar| &mut cedar.files);
        for path in paths.into_iter().flatten().chain(cedar) {
            *path = base.join(&*path);
        }
    }
}
