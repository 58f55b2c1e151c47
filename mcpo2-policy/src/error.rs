use std::fmt;

/// Why a policy does not compile: the rule, the field of it, and what is wrong there.
///
/// ```
/// let config: mcpo2_policy::Config = serde_json::from_str(
///     r#"{"rules": [{"id": "a", "effect": "allow", "tools": ["[x"]}]}"#,
/// )?;
/// let error = config.compile().unwrap_err();
/// assert_eq!((error.index(), error.rule(), error.field()), (0, "a", "tools[0]"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    index: usize,
    rule: Box<str>,
    field: Box<str>,
    problem: Box<str>,
}

impl ConfigError {
    pub(crate) fn new(index: usize, rule: &str, fault: Fault) -> Self {
        Self {
            index,
            rule: rule.chars().take(128).collect(),
            field: fault.field.into(),
            problem: fault.problem.into(),
        }
    }

    /// The position of the rule, from zero.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The id of the rule, as written.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The field, as a path in the rule: `arguments[0].glob`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, field, .. } = self;
        write!(f, "rule `{rule}`, `{field}`: {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// What is wrong with one field, before it is known of which rule.
#[derive(Debug)]
pub(crate) struct Fault {
    field: String,
    problem: String,
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self {
            field: field.into(),
            problem: problem.to_string(),
        }
    }

    /// The same fault, of a field of `parent`.
    pub(crate) fn within(self, parent: &str) -> Self {
        let dot = if self.field.is_empty() { "" } else { "." };
        Self {
            field: format!("{parent}{dot}{}", self.field),
            ..self
        }
    }
}
