use std::collections::BTreeSet;

use mcpo2_core::Principal;

use super::rule::Origin;
use crate::config::{BundleConfig, LevelConfig};

/// Over whom the levels below the platform have a say: there, each of them must allow too.
#[derive(Debug, Default)]
pub(crate) struct Jurisdiction {
    enforced: Reach,
    /// Of bundles in shadow mode.
    shadow: Reach,
}

#[derive(Debug, Default)]
struct Reach {
    tenants: BTreeSet<Box<str>>,
    /// By tenant and project.
    projects: BTreeSet<(Box<str>, Box<str>)>,
}

/// The levels that have a say over one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels {
    tenant: bool,
    project: bool,
}

impl Jurisdiction {
    pub(crate) fn add(&mut self, origin: &Origin, bundle: &BundleConfig) {
        let reach = match origin.shadow {
            true => &mut self.shadow,
            false => &mut self.enforced,
        };
        let tenants = || bundle.tenants.iter().map(|tenant| tenant.as_str().into());
        match bundle.level {
            LevelConfig::Platform => {}
            LevelConfig::Tenant => reach.tenants.extend(tenants()),
            LevelConfig::Project => {
                reach
                    .projects
                    .extend(tenants().flat_map(|tenant: Box<str>| {
                        let projects = bundle.projects.iter();
                        projects.map(move |project| (tenant.clone(), project.as_str().into()))
                    }))
            }
        }
    }

    /// Whether any bundle is in shadow mode.
    pub(crate) fn has_shadow(&self) -> bool {
        !self.shadow.tenants.is_empty() || !self.shadow.projects.is_empty()
    }

    /// The levels that must allow.
    pub(crate) fn enforced(&self, caller: &Principal) -> Levels {
        self.enforced.over(caller)
    }

    /// The same where the caller's project is not known: the fewest there can be, and all.
    pub(crate) fn enforced_in_any_project(&self, caller: &Principal) -> (Levels, Levels) {
        let tenant = caller.tenant().as_str();
        let mut projects = self.enforced.projects.iter();
        let levels = |project| Levels {
            tenant: self.enforced.tenants.contains(tenant),
            project,
        };
        let any = projects.any(|(of, _)| **of == *tenant);
        (levels(false), levels(any))
    }

    /// The levels that would have to if all bundles were enforced.
    pub(crate) fn with_shadow(&self, caller: &Principal) -> Levels {
        let (one, two) = (self.enforced.over(caller), self.shadow.over(caller));
        Levels {
            tenant: one.tenant || two.tenant,
            project: one.project || two.project,
        }
    }
}

impl Reach {
    fn over(&self, caller: &Principal) -> Levels {
        let tenant = caller.tenant().as_str();
        let in_project = |project: &str| {
            let (tenant, project): (Box<str>, Box<str>) = (tenant.into(), project.into());
            self.projects.contains(&(tenant, project))
        };
        Levels {
            tenant: self.tenants.contains(tenant),
            project: !self.projects.is_empty() && caller.project().is_some_and(in_project),
        }
    }
}

impl Levels {
    /// Those that have a say, widest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = LevelConfig> {
        let levels = [
            (true, LevelConfig::Platform),
            (self.tenant, LevelConfig::Tenant),
            (self.project, LevelConfig::Project),
        ];
        let levels = levels.into_iter();
        levels.filter_map(|(has_a_say, level)| has_a_say.then_some(level))
    }
}
