use std::{any::Any, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Facts, Family, ModuleId, Region, TenantId};

/// How far a module is on its way into service. Only an approved one can be a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApprovalState {
    /// Somebody has proposed it.
    Pending,
    /// It may be used.
    Approved,
    /// It may not be used for now.
    Suspended,
    /// It may never be used again.
    Revoked,
}

/// How to reach a module: known to what dispatches, and to nobody else.
///
/// It holds any value, shows none of it, and cannot be serialised.
#[derive(Clone)]
pub struct Endpoint(Arc<dyn Any + Send + Sync>);

impl Endpoint {
    /// An endpoint that is reached by `value`.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// What it is reached by, if that is a `T`.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}

/// A registered module: what is known of it, and how to reach it.
///
/// It cannot be serialised; what may be shown of it is its [`Facts`].
#[derive(Debug)]
pub struct Module {
    facts: Arc<Facts>,
    approval: ApprovalState,
    endpoint: Endpoint,
}

impl Module {
    /// A module of this id and family that is reached by `endpoint`. It is pending until approved.
    pub fn builder(id: ModuleId, family: Family, endpoint: Endpoint) -> ModuleBuilder {
        let facts = Facts::new(id, family);
        ModuleBuilder {
            facts,
            approval: ApprovalState::Pending,
            endpoint,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ModuleId {
        self.facts.module()
    }

    /// What may be known of it.
    #[must_use]
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// How far it is on its way into service.
    #[must_use]
    pub fn approval(&self) -> ApprovalState {
        self.approval
    }

    /// How to reach it, for what keeps a connection to it.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// A module that is being described.
#[derive(Debug)]
#[must_use]
pub struct ModuleBuilder {
    facts: Facts,
    approval: ApprovalState,
    endpoint: Endpoint,
}

impl ModuleBuilder {
    /// Sets the approval state.
    pub fn approval(mut self, approval: ApprovalState) -> Self {
        self.approval = approval;
        self
    }

    /// Sets where it runs.
    pub fn region(mut self, region: Region) -> Self {
        self.facts = self.facts.with_region(region);
        self
    }

    /// Sets how far it is trusted, 0 (not at all) to 4.
    pub fn tier(mut self, tier: u8) -> Self {
        self.facts = self.facts.with_tier(tier);
        self
    }

    /// The tenants that it is there for, and no other. Without it, it is there for all.
    pub fn tenants(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.facts = self.facts.with_tenants(tenants);
        self
    }

    /// The module.
    #[must_use]
    pub fn build(self) -> Arc<Module> {
        let Self {
            facts,
            approval,
            endpoint,
        } = self;
        Arc::new(Module {
            facts: Arc::new(facts.with_state(approval)),
            approval,
            endpoint,
        })
    }
}

/// Where a permitted call goes: to an approved module, or to the gateway itself.
///
/// A target comes only from a registered [`Module`] that is approved, so no text of a caller can
/// become one.
///
/// ```compile_fail
/// fn shown<T: serde::Serialize>(_: &T) {}
/// fn leak(target: &mcpo2_core::Target) { shown(target) }
/// ```
#[derive(Debug, Clone)]
pub struct Target(To);

#[derive(Debug, Clone)]
enum To {
    Gateway,
    Module {
        module: Arc<Module>,
        item_name: Option<Arc<str>>,
    },
}

impl Target {
    /// The gateway itself: lists, the handshake, its own resources.
    #[must_use]
    pub fn gateway() -> Self {
        Self(To::Gateway)
    }

    /// This module; none unless it is approved.
    #[must_use]
    pub fn module(module: &Arc<Module>) -> Option<Self> {
        let to = To::Module {
            module: Arc::clone(module),
            item_name: None,
        };
        (module.approval == ApprovalState::Approved).then_some(Self(to))
    }

    /// The same target, where the module knows what is addressed by another name.
    #[must_use]
    pub fn under_name(self, name: impl Into<Arc<str>>) -> Self {
        match self.0 {
            To::Module { module, .. } => Self(To::Module {
                module,
                item_name: Some(name.into()),
            }),
            To::Gateway => self,
        }
    }

    /// What may be known of the module; none where the gateway itself answers.
    #[must_use]
    pub fn facts(&self) -> Option<&Arc<Facts>> {
        match &self.0 {
            To::Gateway => None,
            To::Module { module, .. } => Some(module.facts()),
        }
    }

    /// How to reach the module, for what dispatches; none where the gateway itself answers.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match &self.0 {
            To::Gateway => None,
            To::Module { module, .. } => Some(&module.endpoint),
        }
    }

    /// The name under which the module knows what is addressed, where it differs.
    #[must_use]
    pub fn item_name(&self) -> Option<&Arc<str>> {
        match &self.0 {
            To::Gateway => None,
            To::Module { item_name, .. } => item_name.as_ref(),
        }
    }
}
