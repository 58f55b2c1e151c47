//! Policies in Cedar, evaluated in this process.

mod annotation;
mod engine;
mod lists;
mod request;
mod schema;

use std::fmt;

use cedar_policy::ParseErrors;
use miette::Diagnostic as _;

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

    /// That these policies do not parse, with the line and the column where that shows.
    fn parse(error: &ParseErrors, policies: &str) -> Self {
        let at = error.labels().and_then(|mut labels| labels.next());
        let before = at.and_then(|label| policies.get(..label.offset()));
        let kind = CedarErrorKind::Parse;
        let Some(before) = before else {
            return Self::new(kind, error);
        };
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or("").chars().count() + 1;
        Self::new(kind, format_args!("{line}:{column}: {error}"))
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
