use std::sync::Arc;

use mcpo2_classify::Rules;
use mcpo2_core::{BoxError, Digest};
use mcpo2_policy::{Engine as _, Policy};

use super::{Config, seen::Seen};
use crate::engines::Engines;

/// What its file became when it was checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiled {
    /// Of the text of the file.
    pub(crate) digest: Option<Digest>,
    pub(crate) rules: Option<Arc<Rules>>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) engines: Option<Arc<Engines>>,
    /// How the files beside its own were before they were read, where they are watched.
    pub(crate) seen: Seen,
}

impl Config {
    /// The rules of the classifier. What was compiled before is taken where it still is what the
    /// configuration says: a host may have changed that since.
    pub(crate) fn rules(&self) -> Result<Arc<Rules>, BoxError> {
        let known = self.compiled.rules.as_ref();
        match known.filter(|rules| rules.digest() == self.classify.digest()) {
            Some(rules) => Ok(Arc::clone(rules)),
            None => Ok(self.classify.clone().compile()?.into()),
        }
    }

    /// The policy, likewise.
    pub(crate) fn policy(&self) -> Result<Arc<Policy>, BoxError> {
        let known = self.compiled.policy.as_ref();
        match known.filter(|policy| policy.digest() == self.policy.digest()) {
            Some(policy) => Ok(Arc::clone(policy)),
            None => Ok(Policy::try_from(&self.policy)?.into()),
        }
    }

    /// The engines beside it, likewise.
    pub(crate) fn engines(&self) -> Result<Arc<Engines>, BoxError> {
        let known = self.compiled.engines.as_ref();
        match known.filter(|engines| engines.are_of(&self.engines)) {
            Some(engines) => Ok(Arc::clone(engines)),
            None => match Engines::open(&self.engines) {
                Ok(engines) => Ok(engines.into()),
                Err(faults) => Err(faults.into_iter().next().map_or("".into(), BoxError::from)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{MINIMAL, check_text};

    #[test]
    fn what_a_host_changes_is_compiled_anew_and_nothing_else() {
        let checked = check_text("minimal", Path::new(""), MINIMAL, &|_| Some("x".into()));
        let mut config = checked.config.unwrap();
        let (rules, policy) = (config.rules().unwrap(), config.policy().unwrap());
        assert!(Arc::ptr_eq(&rules, &config.rules().unwrap()));
        assert!(Arc::ptr_eq(&policy, &config.policy().unwrap()));
        config.policy.rules.clear();
        assert_ne!(config.policy().unwrap().digest(), policy.digest());
        config.classify.task_arguments.push("aim".into());
        assert_ne!(config.rules().unwrap().digest(), rules.digest());
    }
}
