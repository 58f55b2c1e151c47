//! Policies in Cedar, evaluated in this process.

mod annotation;
mod engine;
mod lists;
mod request;
mod schema;

use std::fmt;

pub use self::{engine::CedarEngine, schema::CedarSchema};

/// Why policies in Cedar are not loaded.
#[derive(Debug)]
pub struct CedarError {
    kind: CedarErrorKind,
    problem: String,
}

/// What kind of thing is wrong with policies in Cedar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CedarErrorKind {
    /// The tools make no schema.
    Schema,
    /// The policies do not parse, or are templates.
    Parse,
    /// The policies are not valid under the schema.
    Validation,
    /// An annotation is unknown, or says what it cannot.
    Annotation,
}

impl CedarError {
    fn new(kind: CedarErrorKind, problem: impl fmt::Display) -> Self {
        Self {
            kind,
            problem: problem.to_string(),
        }
    }

    /// What kind of thing is wrong.
    #[must_use]
    pub fn kind(&self) -> CedarErrorKind {
        self.kind
    }
}

impl fmt::Display for CedarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for CedarError {}
