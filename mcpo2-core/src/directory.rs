use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use crate::{ApprovalState, Family, Item, ModuleId, Region, TenantId};

/// What may be known of a module by layers that decide: never how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    module: ModuleId,
    family: Family,
    region: Option<Region>,
    tier: u8,
    /// Those whose module it is; none where it is everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenants: Option<Arc<BTreeSet<TenantId>>>,
    /// Who reads facts for a record says it beside them.
    #[serde(skip)]
    state: ApprovalState,
}

impl Facts {
    /// A module of this family, of no region and not trusted.
    #[must_use]
    pub fn new(module: ModuleId, family: Family) -> Self {
        Self {
            module,
            family,
            region: None,
            tier: 0,
            tenants: None,
            state: ApprovalState::Approved,
        }
    }

    /// The same, in this region.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// The same, trusted this far: 0 (not at all) to 4.
    #[must_use]
    pub fn with_tier(mut self, tier: u8) -> Self {
        self.tier = tier.min(4);
        self
    }

    /// The same, there for these tenants and no other.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.tenants = Some(Arc::new(tenants.into_iter().collect()));
        self
    }

    /// The same, this far on its way into service; without it, in service.
    #[must_use]
    pub fn with_state(mut self, state: ApprovalState) -> Self {
        self.state = state;
        self
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &ModuleId {
        &self.module
    }

    /// The family it is registered for.
    #[must_use]
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// Where it runs, if that is known.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// How far it is trusted, 0 to 4.
    #[must_use]
    pub fn tier(&self) -> u8 {
        self.tier
    }

    /// Whether it is there for this tenant.
    #[must_use]
    pub fn is_for(&self, tenant: &TenantId) -> bool {
        (self.tenants.as_ref()).is_none_or(|tenants| tenants.contains(tenant))
    }

    /// How far it is on its way into service.
    #[must_use]
    pub fn state(&self) -> ApprovalState {
        self.state
    }
}

/// Says which module an item belongs to: what the registry knows, for the layers that decide.
///
/// The registry of `mcpo2-route` is one; an embedder without modules may use `()`, which knows
/// nothing.
pub trait Directory: Send + Sync + 'static {
    /// The module that owns what a caller calls `item`; none where no module does.
    fn describe(&self, item: &Item) -> Option<Arc<Facts>>;
}

impl Directory for () {
    fn describe(&self, _item: &Item) -> Option<Arc<Facts>> {
        None
    }
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn describe(&self, item: &Item) -> Option<Arc<Facts>> {
        (**self).describe(item)
    }
}
