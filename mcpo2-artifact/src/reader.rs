use std::sync::Arc;

use mcpo2_core::{Obligations, Permitted, Principal, Routed};

use crate::token::Verb;

/// Who reads an artifact, and for what: made of a call that the policy permitted, so that nobody
/// reads without it.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(crate) principal: Arc<Principal>,
    pub(crate) verb: Verb,
    pub(crate) obligations: Obligations,
}

impl Reader {
    /// Whose call this is, to do this.
    #[must_use]
    pub fn new(permitted: &Permitted, verb: Verb) -> Self {
        Self {
            principal: Arc::clone(permitted.call().principal()),
            verb,
            obligations: permitted.obligations().clone(),
        }
    }

    pub(crate) fn routed(routed: &Routed, verb: Verb) -> Self {
        Self {
            principal: Arc::clone(routed.call().principal()),
            verb,
            obligations: routed.obligations().clone(),
        }
    }
}
