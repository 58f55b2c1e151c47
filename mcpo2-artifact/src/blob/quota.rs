use std::{collections::HashMap, fmt};

use mcpo2_core::TenantId;

/// What there is a quota of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resource {
    /// The bytes of all that is committed, those of each root counted for themselves.
    LogicalBytes,
    /// The bytes of all objects in the store, and of uploads that go on.
    StoredBytes,
    /// The objects in the store.
    Objects,
    /// Uploads that go on.
    Uploads,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogicalBytes => "logical bytes",
            Self::StoredBytes => "stored bytes",
            Self::Objects => "objects",
            Self::Uploads => "uploads",
        })
    }
}

/// What a tenant has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Usage {
    /// See [`Resource::LogicalBytes`].
    pub logical_bytes: u64,
    /// See [`Resource::StoredBytes`].
    pub stored_bytes: u64,
    /// See [`Resource::Objects`].
    pub objects: u64,
    /// See [`Resource::Uploads`].
    pub uploads: u64,
}

impl Usage {
    pub(crate) fn object(stored_bytes: u64) -> Self {
        Self {
            stored_bytes,
            objects: 1,
            ..Self::default()
        }
    }

    pub(crate) fn bytes(stored_bytes: u64) -> Self {
        Self {
            stored_bytes,
            ..Self::default()
        }
    }

    pub(crate) fn logical(logical_bytes: u64) -> Self {
        Self {
            logical_bytes,
            ..Self::default()
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn with(self, other: Self, by: fn(u64, u64) -> u64) -> Self {
        Self {
            logical_bytes: by(self.logical_bytes, other.logical_bytes),
            stored_bytes: by(self.stored_bytes, other.stored_bytes),
            objects: by(self.objects, other.objects),
            uploads: by(self.uploads, other.uploads),
        }
    }
}

/// The most that a tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits(Usage);

impl Limits {
    /// No limits: as much as the medium holds.
    pub const NONE: Self = Self(Usage {
        logical_bytes: u64::MAX,
        stored_bytes: u64::MAX,
        objects: u64::MAX,
        uploads: u64::MAX,
    });

    /// The same, and at most this many [logical bytes](Resource::LogicalBytes).
    #[must_use]
    pub const fn with_logical_bytes(mut self, most: u64) -> Self {
        self.0.logical_bytes = most;
        self
    }

    /// The same, and at most this many [stored bytes](Resource::StoredBytes).
    #[must_use]
    pub const fn with_stored_bytes(mut self, most: u64) -> Self {
        self.0.stored_bytes = most;
        self
    }

    /// The same, and at most this many [objects](Resource::Objects).
    #[must_use]
    pub const fn with_objects(mut self, most: u64) -> Self {
        self.0.objects = most;
        self
    }

    /// The same, and at most this many [uploads](Resource::Uploads) at once.
    #[must_use]
    pub const fn with_uploads(mut self, most: u64) -> Self {
        self.0.uploads = most;
        self
    }

    /// What would be too much of `wanted` on top of `taken`. What is not wanted is not too much.
    pub(crate) fn exceeded(&self, taken: Usage, wanted: Usage) -> Option<Resource> {
        let total = taken.plus(wanted);
        let most = self.0;
        [
            (
                wanted.logical_bytes,
                total.logical_bytes,
                most.logical_bytes,
                Resource::LogicalBytes,
            ),
            (
                wanted.stored_bytes,
                total.stored_bytes,
                most.stored_bytes,
                Resource::StoredBytes,
            ),
            (
                wanted.objects,
                total.objects,
                most.objects,
                Resource::Objects,
            ),
            (
                wanted.uploads,
                total.uploads,
                most.uploads,
                Resource::Uploads,
            ),
        ]
        .into_iter()
        .find(|(wanted, total, most, _)| *wanted > 0 && total > most)
        .map(|(.., resource)| resource)
    }
}

/// The limits of all tenants.
#[derive(Debug, Clone)]
pub struct Quotas {
    others: Limits,
    by_tenant: HashMap<TenantId, Limits>,
}

impl Quotas {
    /// These limits for each tenant.
    #[must_use]
    pub fn new(each: Limits) -> Self {
        Self {
            others: each,
            by_tenant: HashMap::new(),
        }
    }

    /// The same, but these for this tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: TenantId, limits: Limits) -> Self {
        self.by_tenant.insert(tenant, limits);
        self
    }

    pub(crate) fn of(&self, tenant: &TenantId) -> Limits {
        self.by_tenant.get(tenant).copied().unwrap_or(self.others)
    }
}
