use regex_automata::meta::BuildError;

/// What is wrong with a rule pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// Two rules have the same id.
    DuplicateId,
    /// A rule speaks for a family that the pack does not list.
    UnknownFamily,
    /// A rule can never match.
    NeverMatches,
    /// A rule's weight, or a family's threshold, is out of range.
    OutOfRange,
    /// A regular expression is none, or too large.
    Regex,
    /// There are too many rules.
    TooMany,
}

/// Why a rule pack is refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{subject}: {reason}")]
pub struct ConfigError {
    kind: ConfigErrorKind,
    subject: String,
    reason: String,
    #[source]
    source: Option<Box<BuildError>>,
}

impl ConfigError {
    pub(crate) fn new(
        kind: ConfigErrorKind,
        subject: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            subject: subject.into(),
            reason: reason.into(),
            source: None,
        }
    }

    pub(crate) fn regex(subject: impl Into<String>, source: Box<BuildError>) -> Self {
        Self {
            source: Some(source),
            ..Self::new(
                ConfigErrorKind::Regex,
                subject,
                "the pattern does not compile",
            )
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// The id of the rule, or the name of the field, that is wrong.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}
