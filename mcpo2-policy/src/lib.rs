#![doc = include_str!("../README.md")]

mod authorize;
mod config;
mod engine;
mod error;
mod explain;
mod filter;
mod future;
mod layer;
mod query;
mod service;
mod subscription;
mod verdict;

pub use authorize::Authorize;
pub use config::{
    ApprovalConfig, ArgumentConfig, CallersConfig, Config, EffectConfig, ItemsConfig,
    ModulesConfig, ObligationsConfig, RuleConfig,
};
pub use engine::{Policy, Truth};
pub use error::ConfigError;
pub use explain::{Explained, Explanation, Missed};
pub use future::ResponseFuture;
pub use layer::PolicyLayer;
pub use query::Query;
pub use service::PolicyService;
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
    /// Denies where rules that allow a call demand different preambles.
    pub const PREAMBLE_CONFLICT: &str = "sys:preamble-conflict";
    /// Denies where rules ask different groups for their approval.
    pub const APPROVAL_CONFLICT: &str = "sys:approval-conflict";
    /// Denies where an engine could not decide.
    pub const EVAL_ERROR: &str = "sys:eval-error";
}
