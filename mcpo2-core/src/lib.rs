#![doc = include_str!("../README.md")]

pub mod json;
pub mod message;

mod call;
mod decision;
mod digest;
mod directory;
mod error;
mod gather;
mod item;
mod method;
mod module;
mod name;
mod principal;
mod reply;
mod routed;
mod trail;
mod version;

pub use call::{Call, Permitted};
pub use decision::{Approval, Decision, Denial, Durability, Duty, Loudness, Obligations};
pub use digest::{Digest, DigestError};
pub use directory::{Directory, Facts};
pub use error::{BoxError, Error, ErrorKind};
pub use gather::Gather;
pub use item::{Item, ItemKind};
pub use json::Pieces;
pub use message::{Id, Message, Meta, Outcome, ParseError, Request, Response};
pub use method::Method;
pub use module::{ApprovalState, Endpoint, Module, ModuleBuilder, Target};
pub use name::{Family, ModuleId, NameError, PrincipalId, Region, RuleId, TenantId};
pub use principal::{AuthMethod, Principal, PrincipalKind};
pub use reply::{Body, Frame, Frames, Reply};
pub use routed::{Preamble, Routed};
pub use trail::{
    Applied, Basis, Candidate, Classified, Decided, Effect, Fact, Filtered, Given, Listing,
    Offloaded, Passed, ProfileRef, Redacted, Routing, Shadow, Trail,
};
pub use version::{ProtocolVersion, UnsupportedVersion};

/// The URI scheme of references to artifacts that the gateway keeps.
pub const ARTIFACT_SCHEME: &str = "mcpo2+artifact";
