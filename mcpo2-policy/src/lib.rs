#![doc = include_str!("../README.md")]

mod all;
#[cfg(any(feature = "opa", feature = "rego"))]
mod answer;
#[cfg(feature = "cedar")]
mod cedar;
mod compare;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod coverage;
mod discharge;
mod engine;
mod error;
mod explain;
pub mod export;
mod filter;
pub mod flat;
mod foresight;
mod frames;
mod future;
mod input;
mod join;
mod layer;
mod lint;
mod native;
mod passed;
mod query;
mod rate;
mod redact;
mod reference;
#[cfg(feature = "rego")]
mod rego;
mod remote;
mod service;
#[cfg(feature = "signed")]
pub mod signed;
mod situation;
mod subscription;
mod tally;
mod trial;
mod verdict;

pub use all::All;
#[cfg(feature = "cedar")]
pub use cedar::{CedarEngine, CedarError, CedarErrorKind, CedarSchema};
pub use compare::{Changed, Difference, Owned, Survey};
pub use config::{
    ApprovalConfig, ArgumentConfig, AuthConfig, BundleConfig, CalendarConfig, CallersConfig,
    ConditionsConfig, Config, DayConfig, EffectConfig, GivenCaller, GivenConfig, GivenModule,
    GivenSituation, ItemsConfig, KindConfig, LevelConfig, ModeConfig, ModulesConfig,
    ObligationsConfig, PredicateConfig, QuantifierConfig, RuleConfig, SituationConfig, SpanConfig,
    TestConfig, TimeConfig,
};
pub use coverage::{Trial, Tried};
pub use engine::Engine;
pub use error::ConfigError;
pub use explain::{Explained, Explanation, Missed, Owed};
pub use export::ExportError;
pub use foresight::{Foreseen, Foresight, Matter};
pub use future::ResponseFuture;
pub use input::{AnchorKind, ArgumentFact, FactKind, INPUT_SCHEMA, Input};
pub use layer::PolicyLayer;
pub use lint::{Finding, Known, KnownItem, Severity};
pub use native::{Policy, Truth};
pub use query::Query;
pub use rate::{
    Buckets, RateClassConfig, RateError, RateFuture, RateLayer, RateService, Rates, RatesConfig,
};
pub use redact::{
    BlobsConfig, Finders, RedactConfig, RedactError, RedactFuture, RedactLayer, RedactService,
    Unredactable,
};
pub use reference::Reference;
#[cfg(feature = "rego")]
pub use rego::{
    BundleKey, RegoBundle, RegoEngine, RegoError, RegoErrorKind, RegoOptions, RegoSyntax,
};
#[cfg(feature = "opa")]
pub use remote::{OpaEngine, OpaError};
pub use remote::{RemoteEngine, RemotePolicyLayer, RemotePolicyService, RemoteResponseFuture};
pub use service::PolicyService;
pub use situation::{Situation, Surroundings, SystemClock};
pub use tally::Tally;
pub use trial::Given;
pub use verdict::{Verdict, Visibility};

/// The reserved rules, by which the platform itself decides. No bundle may use their prefix.
pub mod reserved {
    /// What every reserved rule id begins with.
    pub const PREFIX: &str = "sys:";
    /// Allows the methods of the protocol that address nothing.
    pub const PROTOCOL: &str = "sys:protocol";
    /// Allows reading references that the gateway made; the artifact layer checks whose they are.
    pub const OWN_REFERENCE: &str = "sys:own-reference";
    /// Allows everything: the one rule of [`Policy::allow_all`](crate::Policy::allow_all).
    pub const ALLOW_ALL: &str = "sys:allow-all";
    /// Denies a resource whose URI has no single reading.
    pub const RESOURCE_URI: &str = "sys:resource-uri";
    /// Denies a module that is there for other tenants.
    pub const TENANT: &str = "sys:tenant";
    /// Denies a module that is not in service.
    pub const MODULE_STATE: &str = "sys:module-state";
    /// Denies where the module runs in none of the regions that rules oblige to.
    pub const REGION: &str = "sys:region";
    /// Denies where rules that allow a call demand different preambles.
    pub const PREAMBLE_CONFLICT: &str = "sys:preamble-conflict";
    /// Denies where a rule obliges to what nothing in the stack discharges.
    pub const OBLIGATION: &str = "sys:obligation";
    /// Denies where an engine could not decide.
    pub const EVAL_ERROR: &str = "sys:eval-error";
}
