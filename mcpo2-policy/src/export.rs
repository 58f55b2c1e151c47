//! The rules of a policy in other languages: those that mean the same there.
//!
//! What is exported decides as the policy does, for calls and with the same effect; what cannot be
//! said exactly is an error that names the rule and the field. Exported are conditions on callers,
//! modules, methods, tools and prompts, the predicates `prefix`, `equals`, `one_of`, `present`,
//! `at_least` and `at_most` (of integers) and `glob` (of one path or a tree such as `/etc/**`) on
//! arguments, and exceptions of these. Not exported are situations, resources, regular expressions,
//! SQL, items of lists, other globs, rules in shadow mode and bundles of tenants and projects.
//!
//! What the platform itself allows and denies (`sys:`) is not in the text: the engines that read
//! it, `RegoEngine` and `CedarEngine`, see to that, and a remote engine stands behind a local one.

use std::fmt;

use crate::{Config, ConfigError, Policy};

mod cedar;
mod fact;
mod formula;
mod lower;
mod rego;

pub use self::{cedar::cedar, rego::rego};

#[cfg(feature = "cedar")]
pub(crate) use self::{
    cedar::text as quoted,
    formula::{auth_name, kind_name},
};

use self::lower::Lowered;

/// Why a policy is not exported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// It does not compile.
    Config(ConfigError),
    /// A rule says what the other language cannot say exactly.
    Inexact {
        /// The rule.
        rule: Box<str>,
        /// Its field.
        field: Box<str>,
        /// What cannot be said.
        problem: Box<str>,
    },
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(_) => f.write_str("the policy does not compile"),
            Self::Inexact {
                rule,
                field,
                problem,
            } => write!(f, "rule `{rule}`, `{field}`: {problem}"),
        }
    }
}

impl std::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Inexact { .. } => None,
        }
    }
}

/// A language that rules are exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Cedar,
    Rego,
}

fn lowered(config: &Config, to: Language) -> Result<Vec<Lowered>, ExportError> {
    let policy = Policy::try_from(config).map_err(ExportError::Config)?;
    let each = policy.rules().iter().map(|rule| lower::rule(rule, to));
    each.collect()
}
