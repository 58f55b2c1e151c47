use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    Engine,
    config::{Config, TestConfig},
    error::ConfigError,
    native::Policy,
    trial::Given,
};

/// What the tests of a policy come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Trial {
    /// The tests, those of the configuration itself first.
    pub tests: Vec<Tried>,
    /// How many rules there are.
    pub rules: usize,
    /// The rules that decided in no test, by id; of one in shadow mode, that would have.
    pub never_decisive: Vec<String>,
}

/// A test that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tried {
    /// The position of its bundle; none for a test of the configuration itself.
    pub bundle: Option<usize>,
    /// Its position there.
    pub index: usize,
    /// What it shows.
    pub name: String,
    /// How the policy does otherwise; none where it does what is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Config {
    /// Runs all its tests, and says which rules none of them asks about.
    ///
    /// # Errors
    ///
    /// As [`compile`](Self::compile), except that a test which fails is no error here.
    ///
    /// ```
    /// let config: mcpo2_policy::Config = serde_json::from_str(
    ///     r#"{"rules": [
    ///             {"id": "log", "effect": "allow", "tools": ["git__log"]},
    ///             {"id": "push", "effect": "allow", "tools": ["git__push"]}],
    ///         "tests": [{"name": "log", "given": {"tool": "git__log"}, "expect": "allow"}]}"#,
    /// )?;
    /// let trial = config.trial()?;
    /// assert_eq!(trial.tests[0].failure, None);
    /// assert_eq!(trial.never_decisive, ["push"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trial(&self) -> Result<Trial, ConfigError> {
        let policy = self.untested().compile()?;
        let own = self.tests.iter().enumerate().map(|test| (None, test));
        let bundles = self.bundles.iter().enumerate();
        let bundled = bundles.flat_map(|(bundle, config)| {
            let tests = config.tests.iter().enumerate();
            tests.map(move |test| (Some(bundle), test))
        });
        let mut decisive = BTreeSet::new();
        let tests = own.chain(bundled).map(|(bundle, (index, test))| {
            decisive.extend(decided(test, &policy));
            Tried {
                bundle,
                index,
                name: test.name.clone(),
                failure: test.run(&policy).err(),
            }
        });
        let tests = tests.collect();
        let rules = policy.rules().iter().map(|rule| rule.id.as_str());
        let never = rules.filter(|id| !decisive.contains(*id));
        Ok(Trial {
            tests,
            rules: policy.rules().len(),
            never_decisive: never.map(str::to_owned).collect(),
        })
    }

    /// The same, without its tests.
    #[must_use]
    pub fn untested(&self) -> Self {
        let mut config = self.clone();
        config.tests.clear();
        for bundle in &mut config.bundles {
            bundle.tests.clear();
        }
        config
    }
}

/// The rules that decide what a test asks, or would if none were in shadow mode.
fn decided(test: &TestConfig, policy: &Policy) -> Vec<String> {
    let Ok(given) = Given::try_from(&test.given) else {
        return Vec::new();
    };
    let verdict = policy.decide(&given.query());
    let decided = verdict.decided();
    let shadow = decided.shadow.iter().flat_map(|shadow| &shadow.rules);
    let rules = decided.rules.iter().chain(shadow);
    rules.map(ToString::to_string).collect()
}
