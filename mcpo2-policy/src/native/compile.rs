//! Makes of what is written what decides, or says what is wrong with it.

mod conditions;
mod lists;
mod rule;
mod shared;

use std::collections::{BTreeMap, HashSet};

use mcpo2_core::{Digest, TenantId};

#[cfg(any(feature = "cedar", feature = "opa", feature = "rego"))]
pub(crate) use self::rule::{asked, owed};

use self::{
    lists::{entries, within},
    shared::Arguments,
};
use super::{
    Jurisdiction, Policy, Rule,
    condition::{Caller, Condition},
    expression::Expressions,
    moment::{Calendar, calendars},
    rule::Origin,
};
use crate::{
    config::{
        BundleConfig, CalendarConfig, Config, LevelConfig, ModeConfig, RuleConfig, TestConfig,
    },
    error::{ConfigError, Fault},
};

const MAX_RULES: usize = 100_000;
const MAX_TEXT: usize = 4096;

impl Config {
    /// The policy that this says, or the first thing that is wrong with it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the rule and the field. A test that fails is an error too.
    pub fn compile(self) -> Result<Policy, ConfigError> {
        Policy::try_from(&self)
    }

    /// The digest of the [`Policy`] that this says: neither the order of the rules nor the
    /// formatting of a file counts, nor do tests.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bundles: Vec<_> = self.bundles.iter().map(canonical).collect();
        bundles.sort();
        let own = Author::platform(self).canonical();
        Digest::of(format!("mcpo2.policy/v1 {own} {}", bundles.join(" ")).as_bytes())
    }
}

/// As [`Config::compile`], where the configuration is still needed.
impl TryFrom<&Config> for Policy {
    type Error = ConfigError;

    fn try_from(written: &Config) -> Result<Self, ConfigError> {
        let mut compiler = Compiler::default();
        let mut jurisdiction = Jurisdiction::default();
        let mut names = HashSet::new();
        compiler.add(&Author::platform(written))?;
        for (at, bundle) in written.bundles.iter().enumerate() {
            let fault = |fault| ConfigError::of_bundle(Some(at), fault);
            if !names.insert(bundle.id.as_str()) {
                return Err(fault(Fault::new("id", "is the id of another bundle too")));
            }
            let author = Author::bundle(at, bundle).map_err(fault)?;
            jurisdiction.add(&author.origin, bundle);
            compiler.add(&author)?;
        }
        let policy = Self::new(compiler.rules, jurisdiction, written.digest());
        tests(&policy, None, &written.tests)?;
        for (at, bundle) in written.bundles.iter().enumerate() {
            tests(&policy, Some(at), &bundle.tests)?;
        }
        Ok(policy)
    }
}

/// Runs what the author expects of the policy.
fn tests(policy: &Policy, bundle: Option<usize>, tests: &[TestConfig]) -> Result<(), ConfigError> {
    for (at, test) in tests.iter().enumerate() {
        let failed = |problem| Fault::new(format!("tests[{at}]"), problem);
        let result = test.run(policy).map_err(failed);
        result.map_err(|fault| ConfigError::of_bundle(bundle, fault))?;
    }
    Ok(())
}

/// Who wrote some of the rules.
struct Author<'c> {
    bundle: Option<usize>,
    origin: Origin,
    /// What holds for all of its rules: whom it has jurisdiction over.
    over: Vec<Over>,
    calendars: &'c BTreeMap<String, CalendarConfig>,
    rules: &'c [RuleConfig],
}

/// Whom a bundle has jurisdiction over, as a condition of each of its rules.
enum Over {
    Tenants(Vec<Box<str>>),
    Projects(Vec<Box<str>>),
}

impl<'c> Author<'c> {
    fn platform(config: &'c Config) -> Self {
        Self {
            bundle: None,
            origin: Origin {
                level: LevelConfig::Platform,
                shadow: false,
            },
            over: Vec::new(),
            calendars: &config.calendars,
            rules: &config.rules,
        }
    }

    fn bundle(at: usize, config: &'c BundleConfig) -> Result<Self, Fault> {
        let (level, tenants, projects) = (config.level, &config.tenants, &config.projects);
        if !(1..=128).contains(&config.id.len()) {
            return Err(Fault::new("id", "has 1 to 128 bytes"));
        }
        let needs = |needed: bool, names: &[String], field: &'static str| match names.is_empty() {
            true if needed => Err(Fault::new(
                field,
                "is missing: it says over whom the bundle rules",
            )),
            false if !needed => Err(Fault::new(field, "is for another level than this")),
            _ => Ok(()),
        };
        needs(level != LevelConfig::Platform, tenants, "tenants")?;
        needs(level == LevelConfig::Project, projects, "projects")?;
        for (at, tenant) in tenants.iter().enumerate() {
            TenantId::new(tenant).map_err(|e| Fault::new(format!("tenants[{at}]"), e))?;
        }
        let texts = |names: &[String]| names.iter().map(|name| name.as_str().into()).collect();
        let mut over = Vec::new();
        if level != LevelConfig::Platform {
            over.push(Over::Tenants(texts(tenants)));
        }
        if level == LevelConfig::Project {
            over.push(Over::Projects(texts(projects)));
        }
        let shadow = config.mode == ModeConfig::Shadow;
        Ok(Self {
            bundle: Some(at),
            origin: Origin { level, shadow },
            over,
            calendars: &config.calendars,
            rules: &config.rules,
        })
    }

    fn jurisdiction(&self) -> impl Iterator<Item = Condition> {
        self.over.iter().map(|over| {
            Condition::Caller(match over {
                Over::Tenants(names) => Caller::Tenants(names.clone()),
                Over::Projects(names) => Caller::Projects(names.clone()),
            })
        })
    }

    fn canonical(&self) -> String {
        let mut rules: Vec<&RuleConfig> = self.rules.iter().collect();
        rules.sort_by(|one, two| one.id.cmp(&two.id));
        // Strings, numbers and lists: their JSON cannot fail.
        serde_json::to_string(&(&self.calendars, rules)).unwrap_or_default()
    }
}

fn canonical(bundle: &BundleConfig) -> String {
    let mut head = bundle.clone();
    head.tests.clear();
    head.tenants.sort();
    head.projects.sort();
    head.rules.sort_by(|one, two| one.id.cmp(&two.id));
    serde_json::to_string(&head).unwrap_or_default()
}

/// What was compiled so far.
#[derive(Default)]
struct Compiler {
    rules: Vec<Rule>,
    seen: HashSet<String>,
    entries: usize,
    expressions: Expressions,
    arguments: Arguments,
}

/// What a rule may refer to.
struct Names<'c> {
    calendars: BTreeMap<&'c str, Calendar>,
    expressions: &'c Expressions,
    arguments: &'c Arguments,
}

impl Compiler {
    fn add(&mut self, author: &Author<'_>) -> Result<(), ConfigError> {
        let calendars = calendars(author.calendars).map_err(|(name, fault)| {
            let fault = fault.within(&format!("calendars.{name}"));
            ConfigError::of_bundle(author.bundle, fault)
        })?;
        let expressions = std::mem::take(&mut self.expressions);
        let arguments = std::mem::take(&mut self.arguments);
        let names = Names {
            calendars,
            expressions: &expressions,
            arguments: &arguments,
        };
        for (index, config) in author.rules.iter().enumerate() {
            let compiled = self.rule(config, author, &names);
            let error = |fault| ConfigError::new(author.bundle, index, &config.id, fault);
            self.rules.push(compiled.map_err(error)?);
        }
        (self.expressions, self.arguments) = (expressions, arguments);
        Ok(())
    }

    fn rule(
        &mut self,
        config: &RuleConfig,
        author: &Author<'_>,
        names: &Names<'_>,
    ) -> Result<Rule, Fault> {
        if self.rules.len() >= MAX_RULES {
            let problem = format!("is one rule more than the {MAX_RULES} allowed");
            return Err(Fault::new("id", problem));
        }
        if !self.seen.insert(config.id.clone()) {
            return Err(Fault::new("id", "is the id of another rule too"));
        }
        self.entries = self.entries.saturating_add(entries(config));
        within(self.entries)?;
        let shadow = author.origin.shadow || config.mode == Some(ModeConfig::Shadow);
        let origin = Origin {
            shadow,
            ..author.origin
        };
        rule::compile(config, origin, author.jurisdiction(), names)
    }
}
