//! What is suspicious in a policy that compiles.

mod argument;
mod catalogue;
mod contradiction;
mod cover;
mod glob;
mod lists;
mod names;
mod pairs;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::{ConditionsConfig, Config, LevelConfig, ModeConfig, RuleConfig};

/// What a gateway has, as far as it is known: what a policy says is held against it. What is not
/// given here is not asked about.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Known {
    /// The tools, by the names that callers use.
    pub tools: Option<Vec<KnownItem>>,
    /// The prompts, likewise.
    pub prompts: Option<Vec<KnownItem>>,
    /// The roles that callers can have.
    pub roles: Option<BTreeSet<String>>,
    /// The families that what is called can be of.
    pub families: Option<BTreeSet<String>>,
    /// The regions in which modules run.
    pub regions: Option<BTreeSet<String>>,
    /// The ids of the modules.
    pub modules: Option<BTreeSet<String>>,
    /// The tenants of callers.
    pub tenants: Option<BTreeSet<String>>,
    /// The ids of the preamble profiles.
    pub preambles: Option<BTreeSet<String>>,
}

/// A tool or prompt that a gateway has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownItem {
    /// The name that callers use.
    pub name: String,
    /// The module that owns it.
    pub module: Option<String>,
    /// The family of that.
    pub family: Option<String>,
}

impl KnownItem {
    /// An item of a module that nobody knows.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same, owned by this module of this family.
    #[must_use]
    pub fn of(mut self, module: impl Into<String>, family: impl Into<String>) -> Self {
        self.module = Some(module.into());
        self.family = Some(family.into());
        self
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should look at it.
    Warning,
    /// It cannot be meant so.
    Error,
}

/// Something suspicious in a policy.
///
/// A finding is true: where it cannot be shown that something is wrong, nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its kind, stable and fit for tools: `never-matches`, `unknown-role`, ….
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands, as [`ConfigError::path`](crate::ConfigError::path) says it.
    pub path: String,
    /// The id of the rule.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// The name that is not known, where that is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Config {
    /// What is suspicious in it, given what is known of the gateway: rules that never match, that
    /// change nothing or that name what is not there.
    ///
    /// It does not say what [`compile`](Self::compile) refuses. Rules are compared with each other
    /// where there are no more than two thousand.
    ///
    /// ```
    /// let config: mcpo2_policy::Config = serde_json::from_str(
    ///     r#"{"rules": [
    ///         {"id": "all", "effect": "deny", "tools": ["git__*"]},
    ///         {"id": "one", "effect": "allow", "tools": ["git__log"]}]}"#,
    /// )?;
    /// let found = config.lint(&mcpo2_policy::Known::default());
    /// assert_eq!((found[0].code, &*found[0].path), ("shadowed-rule", "rules/1/id"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn lint(&self, known: &Known) -> Vec<Finding> {
        let mut found = Vec::new();
        let authors = authors(self);
        let mut live = Vec::new();
        for site in authors.iter().flat_map(Author::sites) {
            names::check(&site, known, &mut found);
            lists::check(&site, &mut found);
            // Of what can never match it is enough to say that.
            let never = contradiction::check(&site, &mut found);
            if !never {
                catalogue::check(&site, known, &mut found);
                live.push(site);
            }
        }
        pairs::check(&live, &mut found);
        found
    }
}

/// Who wrote some of the rules, and over whom they have jurisdiction.
#[derive(Debug)]
struct Author<'c> {
    bundle: Option<usize>,
    level: LevelConfig,
    shadow: bool,
    tenants: &'c [String],
    projects: &'c [String],
    rules: &'c [RuleConfig],
}

/// A rule, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Site<'c> {
    author: &'c Author<'c>,
    index: usize,
    rule: &'c RuleConfig,
}

fn authors(config: &Config) -> Vec<Author<'_>> {
    let own = Author {
        bundle: None,
        level: LevelConfig::Platform,
        shadow: false,
        tenants: &[],
        projects: &[],
        rules: &config.rules,
    };
    let bundles = config.bundles.iter().enumerate();
    let bundles = bundles.map(|(at, bundle)| Author {
        bundle: Some(at),
        level: bundle.level,
        shadow: bundle.mode == ModeConfig::Shadow,
        tenants: &bundle.tenants,
        projects: &bundle.projects,
        rules: &bundle.rules,
    });
    [own].into_iter().chain(bundles).collect()
}

impl<'c> Author<'c> {
    fn sites(&'c self) -> impl Iterator<Item = Site<'c>> {
        let rules = self.rules.iter().enumerate();
        rules.map(move |(index, rule)| Site {
            author: self,
            index,
            rule,
        })
    }
}

impl<'c> Site<'c> {
    /// A finding about a field of the rule, as a path in it.
    fn finding(
        &self,
        code: &'static str,
        severity: Severity,
        field: &str,
        message: String,
    ) -> Finding {
        let bundle = self.author.bundle.map(|at| format!("bundles/{at}/"));
        let bundle = bundle.unwrap_or_default();
        Finding {
            code,
            severity,
            path: format!("{bundle}rules/{}/{field}", self.index),
            rule: self.rule.id.clone(),
            message,
            unknown: None,
        }
    }

    fn warning(&self, code: &'static str, field: &str, message: String) -> Finding {
        self.finding(code, Severity::Warning, field, message)
    }

    /// Its conditions and those of its exceptions, each with the path before its fields.
    fn conditions(&self) -> impl Iterator<Item = (String, &'c ConditionsConfig)> {
        let exceptions = self.rule.unless.iter().flatten().enumerate();
        let exceptions = exceptions.map(|(at, exception)| (format!("unless/{at}/"), exception));
        [(String::new(), &self.rule.conditions)]
            .into_iter()
            .chain(exceptions)
    }

    fn is_shadow(&self) -> bool {
        self.author.shadow || self.rule.mode == Some(ModeConfig::Shadow)
    }
}
