use mcpo2_core::{Decision, Digest, Principal};

use super::{
    codec::{Malformed, Reader, Wire},
    name::Label,
    refused::{Reason, Refused},
};

/// Who may present a reference: all that is said of him must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Audience {
    principal: Option<Digest>,
    client: Option<Label>,
    run: Option<Label>,
}

impl Audience {
    /// This principal, authenticated in the same way ([`Principal::binding`]).
    #[must_use]
    pub fn principal(principal: &Principal) -> Self {
        Self {
            principal: Some(principal.binding()),
            client: None,
            run: None,
        }
    }

    /// Whoever of the tenant comes through this client.
    #[must_use]
    pub fn client(client: Label) -> Self {
        Self {
            principal: None,
            client: Some(client),
            run: None,
        }
    }

    /// Whoever of the tenant has it, which a policy has to allow.
    #[must_use]
    pub fn bearer(_: Bearer) -> Self {
        Self {
            principal: None,
            client: None,
            run: None,
        }
    }

    /// The same, and through this client only.
    #[must_use]
    pub fn with_client(mut self, client: Label) -> Self {
        self.client = Some(client);
        self
    }

    /// The same, and in this run of an agent only.
    #[must_use]
    pub fn with_run(mut self, run: Label) -> Self {
        self.run = Some(run);
        self
    }

    /// Whether neither a principal nor a client is said.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        self.principal.is_none() && self.client.is_none()
    }

    /// The [`Principal::binding`] that it is for, if it is for one.
    #[must_use]
    pub fn binding(&self) -> Option<&Digest> {
        self.principal.as_ref()
    }

    /// The client that it must come through, if it must.
    #[must_use]
    pub fn of_client(&self) -> Option<&Label> {
        self.client.as_ref()
    }

    /// The run of an agent that it must come in, if it must.
    #[must_use]
    pub fn of_run(&self) -> Option<&Label> {
        self.run.as_ref()
    }

    pub(super) fn admits(&self, presenter: &Presenter<'_>) -> bool {
        let principal = self.principal.as_ref();
        principal.is_none_or(|principal| presenter.is_principal(principal))
            && self
                .client
                .as_ref()
                .is_none_or(|it| presenter.is_client(it))
            && self.run.as_ref().is_none_or(|it| presenter.is_run(it))
    }
}

/// That a policy allowed a reference which any principal of the tenant may present.
///
/// The only way here is [`Bearer::decide`], and it is good for one reference.
///
/// ```compile_fail
/// let audience = mcpo2_artifact::token::Audience::bearer(mcpo2_artifact::token::Bearer(()));
/// ```
#[derive(Debug)]
pub struct Bearer(());

impl Bearer {
    /// Applies the decision of the policy on whether this reference may be borne by anyone.
    ///
    /// # Errors
    ///
    /// [`Reason::Policy`] unless it allows.
    pub fn decide(decision: Decision) -> Result<Self, Refused> {
        match decision {
            Decision::Allow(_) => Ok(Self(())),
            Decision::Deny(_) | Decision::Ask(_) => Err(Refused::new(Reason::Policy)),
        }
    }
}

/// Who presents a reference, as the host authenticated him.
///
/// A client or run that is not said is none: a reference for one of them is refused.
#[derive(Debug, Clone, Copy)]
pub struct Presenter<'a> {
    principal: &'a Principal,
    binding: Digest,
    client: Option<&'a str>,
    run: Option<&'a str>,
}

impl<'a> Presenter<'a> {
    /// This principal.
    #[must_use]
    pub fn new(principal: &'a Principal) -> Self {
        Self {
            principal,
            binding: principal.binding(),
            client: None,
            run: None,
        }
    }

    /// The same through this client, which the host authenticated.
    #[must_use]
    pub fn with_client(mut self, client: &'a str) -> Self {
        self.client = Some(client);
        self
    }

    /// The same in this run of an agent.
    #[must_use]
    pub fn with_run(mut self, run: &'a str) -> Self {
        self.run = Some(run);
        self
    }

    pub(super) fn of(&self) -> &'a Principal {
        self.principal
    }

    pub(super) fn is_principal(&self, binding: &Digest) -> bool {
        self.binding == *binding
    }

    pub(super) fn is_client(&self, client: &Label) -> bool {
        self.client == Some(client.as_str())
    }

    pub(super) fn is_run(&self, run: &Label) -> bool {
        self.run == Some(run.as_str())
    }
}

impl<'a> From<&'a Principal> for Presenter<'a> {
    fn from(principal: &'a Principal) -> Self {
        Self::new(principal)
    }
}

const PRINCIPAL: u8 = 1;
const CLIENT: u8 = 2;
const RUN: u8 = 4;

impl Wire for Audience {
    fn put(&self, out: &mut Vec<u8>) {
        let bit = |is_some: bool, bit: u8| if is_some { bit } else { 0 };
        out.push(
            bit(self.principal.is_some(), PRINCIPAL)
                | bit(self.client.is_some(), CLIENT)
                | bit(self.run.is_some(), RUN),
        );
        if let Some(principal) = &self.principal {
            out.extend_from_slice(principal.as_bytes());
        }
        for label in [&self.client, &self.run].into_iter().flatten() {
            label.put(out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bits = from.byte()?;
        if bits > PRINCIPAL | CLIENT | RUN {
            return Err(Malformed);
        }
        let principal = match bits & PRINCIPAL {
            0 => None,
            _ => Some(Digest::from_bytes(from.array()?)),
        };
        let mut label = |bit| match bits & bit {
            0 => Ok(None),
            _ => Label::take(from).map(Some),
        };
        Ok(Self {
            principal,
            client: label(CLIENT)?,
            run: label(RUN)?,
        })
    }
}
