use std::fmt;

/// Why policies in Rego are not loaded.
#[derive(Debug)]
pub struct RegoError {
    kind: RegoErrorKind,
    problem: String,
}

/// What kind of thing is wrong with policies in Rego.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegoErrorKind {
    /// They cannot be read from where they should be.
    Read,
    /// They are too large, or no bundle, or of a kind that is not supported.
    Form,
    /// They are not signed as they have to be.
    Signature,
    /// They do not compile, or have no entry point.
    Compile,
}

impl RegoError {
    pub(super) fn new(kind: RegoErrorKind, problem: impl fmt::Display) -> Self {
        Self {
            kind,
            problem: problem.to_string(),
        }
    }

    /// What the interpreter says of a module, in one line: `FILE:LINE:COLUMN: what is wrong`. It shows
    /// the line itself too, over several.
    pub(super) fn compile(error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        let said = |mark| text.lines().find_map(|line| line.trim().strip_prefix(mark));
        match (said("--> "), said("error: ")) {
            (Some(at), Some(problem)) => {
                Self::new(RegoErrorKind::Compile, format_args!("{at}: {problem}"))
            }
            _ => Self::new(RegoErrorKind::Compile, text.trim()),
        }
    }

    pub(super) fn form(problem: impl fmt::Display) -> Self {
        Self::new(RegoErrorKind::Form, problem)
    }

    pub(super) fn unsigned(problem: impl fmt::Display) -> Self {
        Self::new(RegoErrorKind::Signature, problem)
    }

    /// What kind of thing is wrong.
    #[must_use]
    pub fn kind(&self) -> RegoErrorKind {
        self.kind
    }
}

impl fmt::Display for RegoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for RegoError {}
