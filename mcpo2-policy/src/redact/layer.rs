use std::{collections::BTreeSet, fmt, sync::Arc};

use mcpo2_core::{Frame, Trail};
use tower_layer::Layer;

use super::{Finders, RedactService, redaction::Redaction};
use crate::{Tally, frames::Rewrite as _};

/// Blots out of replies what the obligations of their calls name.
///
/// It discharges [`Duty::Redact`](mcpo2_core::Duty::Redact), and belongs below whatever keeps
/// results, so that what is kept was blotted before.
#[derive(Clone)]
pub struct RedactLayer(Arc<Parts>);

pub(super) struct Parts {
    pub(super) finders: Arc<Finders>,
    pub(super) tally: Arc<dyn Tally>,
    pub(super) of: Of,
}

/// Which replies are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    All,
    References,
}

impl RedactLayer {
    /// A layer that finds with these, and that nobody counts.
    #[must_use]
    pub fn new(finders: impl Into<Arc<Finders>>) -> Self {
        Self(Arc::new(Parts {
            finders: finders.into(),
            tally: Arc::new(()),
            of: Of::All,
        }))
    }

    /// The same, of which `tally` hears what was found.
    #[must_use]
    pub fn with_tally(self, tally: Arc<dyn Tally>) -> Self {
        Self(Arc::new(Parts {
            finders: Arc::clone(&self.0.finders),
            tally,
            of: self.0.of,
        }))
    }

    /// What a module says outside of calls, without what these finders find in it. None where it
    /// cannot be looked through, and where one of them is not known.
    ///
    /// A response that a client fetches by resuming a stream comes this way too, and no service
    /// sees it: a host that gives out such frames asks here, by all that the policy
    /// [could oblige to](crate::Policy::redacts).
    #[must_use]
    pub fn frame(&self, names: &BTreeSet<Box<str>>, frame: Frame) -> Option<Frame> {
        if names.is_empty() || frame.data().is_empty() {
            return Some(frame);
        }
        Redaction::by(names, &self.0, Trail::new())?
            .frame(frame)
            .ok()
    }

    /// The same, for what references that the gateway made are read as, and nothing else. It
    /// belongs above what keeps results: what was kept for one rule may be read under another.
    #[must_use]
    pub fn of_references(&self) -> Self {
        Self(Arc::new(Parts {
            finders: Arc::clone(&self.0.finders),
            tally: Arc::clone(&self.0.tally),
            of: Of::References,
        }))
    }
}

impl<S> Layer<S> for RedactLayer {
    type Service = RedactService<S>;

    fn layer(&self, inner: S) -> RedactService<S> {
        RedactService::new(inner, Arc::clone(&self.0))
    }
}

impl fmt::Debug for RedactLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedactLayer").field(&self.0.finders).finish()
    }
}
