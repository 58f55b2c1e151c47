//! Policies in Rego, evaluated in this process.

mod bundle;
mod engine;
mod error;
mod hash;
mod signature;
mod source;

pub use self::{
    bundle::RegoBundle,
    engine::{RegoEngine, RegoOptions, RegoSyntax},
    error::{RegoError, RegoErrorKind},
    signature::BundleKey,
};
