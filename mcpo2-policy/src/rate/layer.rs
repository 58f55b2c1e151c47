use std::{collections::BTreeMap, fmt, sync::Arc};

use tower_layer::Layer;

use super::{Buckets, RateService, buckets::Rate};
use crate::Tally;

/// The classes of a configuration.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<Box<str>, Rate>);

impl Rates {
    pub(super) fn new(classes: BTreeMap<Box<str>, Rate>) -> Self {
        Self(classes)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }

    pub(super) fn of(&self, class: &str) -> Option<Rate> {
        self.0.get(class).copied()
    }
}

/// Refuses calls that do not keep to the rate classes that their obligations name.
///
/// It discharges [`Duty::RateClass`](mcpo2_core::Duty::RateClass), right below the policy.
#[derive(Clone)]
pub struct RateLayer(Arc<Parts>);

pub(super) struct Parts {
    pub(super) rates: Rates,
    pub(super) buckets: Arc<Buckets>,
    pub(super) tally: Arc<dyn Tally>,
}

impl RateLayer {
    /// A layer of these classes, with what callers have used of them before.
    #[must_use]
    pub fn new(rates: Rates, buckets: Arc<Buckets>, tally: Arc<dyn Tally>) -> Self {
        Self(Arc::new(Parts {
            rates,
            buckets,
            tally,
        }))
    }
}

impl<S> Layer<S> for RateLayer {
    type Service = RateService<S>;

    fn layer(&self, inner: S) -> RateService<S> {
        RateService::new(inner, Arc::clone(&self.0))
    }
}

impl fmt::Debug for RateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLayer").field(&self.0.rates).finish()
    }
}
