use std::fmt;

/// Why a policy does not compile: the rule, the field of it, and what is wrong there.
///
/// ```
/// let config: mcpo2_policy::Config = serde_json::from_str(
///     r#"{"rules": [{"id": "a", "effect": "allow", "tools": ["[x"]}]}"#,
/// )?;
/// let error = config.compile().unwrap_err();
/// assert_eq!((error.rule(), error.field()), ("a", "tools[0]"));
/// assert_eq!(error.path(), "rules/0/tools/0");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    bundle: Option<usize>,
    index: Option<usize>,
    rule: Box<str>,
    field: Box<str>,
    problem: Box<str>,
}

impl ConfigError {
    /// Of a rule of the platform's own, or of this bundle.
    pub(crate) fn new(bundle: Option<usize>, index: usize, rule: &str, fault: Fault) -> Self {
        Self {
            index: Some(index),
            rule: rule.chars().take(128).collect(),
            ..Self::of_bundle(bundle, fault)
        }
    }

    /// Of what is no rule.
    pub(crate) fn of_bundle(bundle: Option<usize>, fault: Fault) -> Self {
        Self {
            bundle,
            index: None,
            rule: "".into(),
            field: fault.field.into(),
            problem: fault.problem.into(),
        }
    }

    /// The position of the bundle among the bundles, from zero; none for what stands in the
    /// configuration itself.
    #[must_use]
    pub fn bundle(&self) -> Option<usize> {
        self.bundle
    }

    /// The position of the rule, from zero; none where no rule is wrong.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// The id of the rule, as written; empty where no rule is wrong.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The field, as a path in the rule, bundle or configuration: `arguments[0].glob`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Where it stands in the configuration: `bundles/0/rules/2/arguments/0/glob`.
    #[must_use]
    pub fn path(&self) -> String {
        let bundle = self.bundle.map(|at| format!("bundles/{at}/"));
        let rule = self.index.map(|at| format!("rules/{at}/"));
        let field = self.field.replace(['.', '['], "/").replace(']', "");
        let path = [bundle, rule, Some(field)].into_iter().flatten();
        path.collect::<String>().trim_end_matches('/').to_owned()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, field, .. } = self;
        match self.index {
            Some(_) => write!(f, "rule `{rule}`, `{field}`: {}", self.problem),
            None => write!(f, "`{field}`: {}", self.problem),
        }
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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.field, self.problem)
    }
}
