use std::sync::Arc;

use http::Extensions;

use crate::{
    Decision, Error, ErrorKind, Family, Item, Method, Obligations, Principal, ProtocolVersion,
    Request, Routed, Target, Trail,
};

/// One decoded request of MCP, on its way to a decision.
///
/// What every layer must know is a field; what a host adds is in [`extensions`](Call::extensions).
///
/// ```
/// use mcpo2_core::{AuthMethod, Call, Decision, Message, Obligations, Principal};
///
/// let bytes = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}"#;
/// let Message::Request(request) = Message::parse(bytes)? else { unreachable!() };
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let call = Call::new(request, ada);
/// let permitted = call.decide(Decision::Allow(Obligations::default()))?;
/// assert_eq!(permitted.call().item().unwrap().name(), "add");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    request: Request,
    principal: Arc<Principal>,
    version: ProtocolVersion,
    family: Option<Family>,
    extensions: Extensions,
    trail: Trail,
}

impl Call {
    /// A call by `principal`, in the newest revision of the protocol.
    pub fn new(request: Request, principal: impl Into<Arc<Principal>>) -> Self {
        Self {
            request,
            principal: principal.into(),
            version: ProtocolVersion::LATEST,
            family: None,
            extensions: Extensions::new(),
            trail: Trail::new(),
        }
    }

    /// The same call in another revision of the protocol.
    #[must_use]
    pub fn with_version(mut self, version: ProtocolVersion) -> Self {
        self.version = version;
        self
    }

    /// The same call, which asks for work of this family.
    ///
    /// For the layer that classifies. It never widens what policy allows: a rule reads it as one
    /// more condition.
    #[must_use]
    pub fn with_family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    /// The request, in the bytes it came.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Who calls.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The revision of the protocol that the caller speaks.
    #[must_use]
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// What it addresses, if anything, by the name that the caller knows.
    #[must_use]
    pub fn item(&self) -> Option<&Item> {
        self.request.item()
    }

    /// The capability family, once classified.
    #[must_use]
    pub fn family(&self) -> Option<&Family> {
        self.family.as_ref()
    }

    /// What inner layers find on the way.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// What the host attached.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What the host attaches.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// Applies a decision: the only way to a [`Permitted`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for a denial, which looks as if the thing were not there unless it has a
    /// public code; [`ErrorKind::ApprovalRequired`] where somebody has to
    /// approve first.
    pub fn decide(self, decision: Decision) -> Result<Permitted, Error> {
        match decision {
            Decision::Allow(obligations) => Ok(Permitted {
                call: self,
                obligations,
            }),
            Decision::Deny(denial) => Err(match denial.public_code() {
                None => Error::not_found(ErrorKind::Denied, &self.request),
                Some(code) => Error::denied(code),
            }),
            Decision::Ask(_) => Err(Error::new(
                ErrorKind::ApprovalRequired,
                "this call needs an approval, and no approver can be asked here",
            )),
        }
    }
}

/// A call that a policy allowed, and what the platform owes for it.
///
/// The only way here is [`Call::decide`].
#[derive(Debug, Clone)]
pub struct Permitted {
    call: Call,
    obligations: Obligations,
}

impl Permitted {
    /// The call.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// What the layers below owe.
    #[must_use]
    pub fn obligations(&self) -> &Obligations {
        &self.obligations
    }

    /// Sends it to a target: the only way to a [`Routed`].
    #[must_use]
    pub fn route(self, target: Target) -> Routed {
        Routed::new(self, target)
    }
}
