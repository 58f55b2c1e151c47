use std::{collections::BTreeSet, fmt, sync::Arc};

use mcpo2_core::{Directory, Duty};
use tower_layer::Layer;

use crate::{Engine, PolicyService, Surroundings, SystemClock, filter::Seen};

/// Puts a policy before what must not see a call that nobody allowed.
#[derive(Clone)]
pub struct PolicyLayer(Arc<Parts>);

/// What decides, and what it decides by.
pub(crate) struct Parts {
    pub(crate) known: Known,
    pub(crate) seen: Seen,
}

#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) discharged: BTreeSet<Duty>,
}

impl PolicyLayer {
    /// A layer in which `engine` decides, nobody knows which module an item belongs to, and what
    /// stands below discharges no obligation.
    #[must_use]
    pub fn new(engine: Arc<impl Engine>) -> Self {
        Self::of(Known {
            engine,
            directory: Arc::new(()),
            surroundings: Arc::new(SystemClock),
            // What the service itself sees to.
            discharged: BTreeSet::from([Duty::LogLevel, Duty::Regions]),
        })
    }

    /// The same, where `directory` says which module an item belongs to.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        self.but(|known| known.directory = directory)
    }

    /// The same, where `surroundings` say when and from where a call comes. Without it, the clock
    /// of the system says when, and nobody from where.
    #[must_use]
    pub fn with_surroundings(self, surroundings: Arc<dyn Surroundings>) -> Self {
        self.but(|known| known.surroundings = surroundings)
    }

    /// The same, above layers that discharge these obligations. A call that owes another is denied
    /// by `sys:obligation`: nothing that a rule demands is left out silently.
    #[must_use]
    pub fn discharging(self, duties: impl IntoIterator<Item = Duty>) -> Self {
        self.but(|known| known.discharged.extend(duties))
    }

    fn of(known: Known) -> Self {
        let seen = Seen::default();
        Self(Arc::new(Parts { known, seen }))
    }

    fn but(&self, change: impl FnOnce(&mut Known)) -> Self {
        let mut known = self.0.known.clone();
        change(&mut known);
        Self::of(known)
    }
}

impl<S> Layer<S> for PolicyLayer {
    type Service = PolicyService<S>;

    fn layer(&self, inner: S) -> PolicyService<S> {
        PolicyService::new(inner, Arc::clone(&self.0))
    }
}

impl fmt::Debug for PolicyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyLayer").field(&self.0).finish()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("digest", &self.known.engine.digest())
            .finish_non_exhaustive()
    }
}
