use std::{fmt, sync::Arc};

use crate::{Call, Obligations, Permitted, ProfileRef, Request, Target};

/// A permitted call and where it goes.
///
/// The only way here is [`Permitted::route`].
#[derive(Debug, Clone)]
pub struct Routed {
    permitted: Permitted,
    target: Target,
    preamble: Option<Preamble>,
    request: Request,
}

impl Routed {
    pub(crate) fn new(permitted: Permitted, target: Target) -> Self {
        let received = permitted.call().request();
        let request = match target.item_name() {
            Some(name) if received.item().is_some_and(|item| item.name() != &**name) => {
                received.with_item_name(Arc::clone(name))
            }
            _ => received.clone(),
        };
        Self {
            permitted,
            target,
            preamble: None,
            request,
        }
    }

    /// The call, as the caller sent it.
    #[must_use]
    pub fn call(&self) -> &Call {
        self.permitted.call()
    }

    /// What the layers below owe.
    #[must_use]
    pub fn obligations(&self) -> &Obligations {
        self.permitted.obligations()
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What goes to the target: the caller's request, under the name that the module knows, and
    /// with what layers on the way put into it.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The preamble that applies, if one does.
    #[must_use]
    pub fn preamble(&self) -> Option<&Preamble> {
        self.preamble.as_ref()
    }

    /// The same call with another request to the target: for layers that put something in.
    #[must_use]
    pub fn map_request(mut self, edit: impl FnOnce(&Request) -> Request) -> Self {
        self.request = edit(&self.request);
        self
    }

    /// The same call under a preamble that the platform chose.
    #[must_use]
    pub fn with_preamble(mut self, preamble: Preamble) -> Self {
        self.preamble = Some(preamble);
        self
    }
}

/// The instructions that the platform chose for a call, pinned by digest.
#[derive(Clone)]
pub struct Preamble {
    reference: Arc<ProfileRef>,
    text: Arc<str>,
}

impl Preamble {
    /// This text, known by this reference.
    #[must_use]
    pub fn new(reference: impl Into<Arc<ProfileRef>>, text: impl Into<Arc<str>>) -> Self {
        Self {
            reference: reference.into(),
            text: text.into(),
        }
    }

    /// Its id, version and digest.
    #[must_use]
    pub fn reference(&self) -> &Arc<ProfileRef> {
        &self.reference
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Preamble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preamble")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}
