use std::sync::Arc;

use mcpo2_core::{ApprovalState, Digest, Directory, Facts, Item, Module, ModuleId};

use crate::Naming;

/// Which modules there are: a snapshot that does not change.
///
/// ```
/// use mcpo2_core::{ApprovalState, Endpoint, Module};
/// use mcpo2_route::{Naming, Registry};
///
/// let github = Module::builder("github".parse()?, "engineering".parse()?, Endpoint::new(()))
///     .approval(ApprovalState::Approved)
///     .build();
/// let registry = Registry::new([github], Naming::Prefixed)?;
/// assert!(registry.module("github").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Registry {
    modules: Vec<Arc<Module>>,
    naming: Naming,
    digest: Digest,
}

/// Why modules make no registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two modules have one id.
    #[error("module `{0}` is registered twice")]
    Duplicate(ModuleId),
    /// The module whose names stand alone is not there.
    #[error("module `{0}`, whose names are to stand alone, is not registered")]
    Unknown(ModuleId),
    /// Plain names cannot tell modules apart.
    #[error("plain names are for one module, and there are {0}")]
    PlainNames(usize),
}

impl Registry {
    /// These modules, in order of their ids.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] where two have one id, where plain names are to serve several, or where
    /// the module whose names stand alone is not among them.
    pub fn new(
        modules: impl IntoIterator<Item = Arc<Module>>,
        naming: Naming,
    ) -> Result<Self, RegistryError> {
        let mut modules: Vec<_> = modules.into_iter().collect();
        modules.sort_by(|one, two| one.id().cmp(two.id()));
        for (one, two) in modules.iter().zip(modules.iter().skip(1)) {
            if one.id() == two.id() {
                return Err(RegistryError::Duplicate(one.id().clone()));
            }
        }
        if naming == Naming::Plain && modules.len() != 1 {
            return Err(RegistryError::PlainNames(modules.len()));
        }
        if let Naming::Unprefixed(alone) = &naming
            && !modules.iter().any(|module| module.id() == alone)
        {
            return Err(RegistryError::Unknown(alone.clone()));
        }
        let digest = digest(&modules);
        Ok(Self {
            modules,
            naming,
            digest,
        })
    }

    /// The module of this id.
    #[must_use]
    pub fn module(&self, id: &str) -> Option<&Arc<Module>> {
        let at = self
            .modules
            .binary_search_by(|module| module.id().as_str().cmp(id))
            .ok()?;
        self.modules.get(at)
    }

    /// All modules, in order of their ids.
    pub fn modules(&self) -> impl Iterator<Item = &Arc<Module>> {
        self.modules.iter()
    }

    /// The approved ones, in order of their ids.
    pub fn approved(&self) -> impl Iterator<Item = &Arc<Module>> {
        self.modules()
            .filter(|module| module.approval() == ApprovalState::Approved)
    }

    /// How names follow.
    #[must_use]
    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    /// The only module, where names are plain.
    #[must_use]
    pub fn sole(&self) -> Option<&Arc<Module>> {
        if self.naming == Naming::Plain {
            self.modules.first()
        } else {
            None
        }
    }

    /// The digest of what may be known of the modules, for explanations.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Knows modules by the names of tools and prompts; of resources only where one module has all.
impl Directory for Registry {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        let module = match self.naming.part(item) {
            Some((module, _)) => self.module(module),
            None => self.sole(),
        };
        module.map(|module| Arc::clone(module.facts()))
    }
}

fn digest(modules: &[Arc<Module>]) -> Digest {
    let known: Vec<_> = modules
        .iter()
        .map(|m| (m.facts().as_ref(), m.approval()))
        .collect();
    // Facts are names and numbers, so they always serialise.
    Digest::of(&serde_json::to_vec(&known).unwrap_or_default())
}
