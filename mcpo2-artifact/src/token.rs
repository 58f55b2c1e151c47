//! Signed references: what a gateway signs so that somebody may read an object, for a while.
//!
//! A reference is a URI, `mcpo2+artifact://<authority>/r/<token>`. The token says which object, of
//! which tenant, for whom, which [ranges](crate::range), for what [`Verb`]s, from when until when,
//! how often and how much. It is 512 bytes at most, and one text stands for each.
//!
//! A token alone opens nothing. The steps are types, and none can be left out:
//!
//! | step | gives | needs |
//! |---|---|---|
//! | [`Issuer::sign`] | [`SignedReference`] | a [`Mint`] within the issuer's [`Limits`] |
//! | [`SignedReference::attenuate`] | a narrower one | the reference alone: any holder can |
//! | [`Verifier::verify`] | [`Grant`] | the authenticated [`Principal`](mcpo2_core::Principal) who reads, and the time |
//! | [`Grant::decide`] | [`Access`] | the policy's [`Decision`](mcpo2_core::Decision) on this read |
//! | [`Access::open`] | [`Reading`] | ranges within the granted ones; takes a use and bytes |
//!
//! Who is refused learns nothing of why: [`Refused`] has one text. The audit asks for its
//! [`Reason`].
//!
//! ```
//! use std::{sync::Arc, time::{Duration, SystemTime}};
//! use mcpo2_artifact::{range::Ranges, token::*};
//! use mcpo2_core::{AuthMethod, Decision, Digest, Obligations, Principal};
//!
//! let now = SystemTime::now();
//! let (keys, revocations) = (Arc::new(Keys::ephemeral()?), Arc::new(Revocations::new(now)));
//! let authority: Authority = "gw.example".parse()?;
//! let issuer = Issuer::new(authority.clone(), keys.clone(), revocations.clone(), Limits::default());
//! let verifier = Verifier::new(authority, keys, revocations, Arc::default());
//!
//! let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
//! let object = Object::Blob(Digest::of(b"a long log"));
//! let mint = Mint::new(ada.tenant().clone(), object, Audience::principal(&ada));
//! let reference = issuer.sign(mint.expires_in(Duration::from_secs(60)), now)?;
//! let narrow = reference.attenuate(&Caveat::Ranges(Ranges::one(2..6)))?;
//!
//! let grant = verifier.verify(narrow.token(), &ada, &Verb::Read, now)?;
//! let access = grant.decide(Decision::Allow(Obligations::default()))?;
//! let mut reading = access.open(&Ranges::one(2..6), now)?;
//! reading.deliver(4)?;
//!
//! assert!(access.open(&Ranges::one(0..6), now).is_err());
//! let bob = Principal::new("acme".parse()?, "bob".parse()?, AuthMethod::Host);
//! let refused = verifier.verify(narrow.token(), &bob, &Verb::Read, now).unwrap_err();
//! assert_eq!((refused.to_string().as_str(), refused.reason()), ("no such artifact", Reason::Audience));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Keys
//!
//! [`Keys`] are symmetric: who verifies can sign. Readers in another trust domain get references
//! that are signed with Ed25519 (feature `ed25519`): the ring of the reader then holds a public key
//! only. A holder cannot narrow those; it asks the issuer for a narrower one.
//!
//! # What it does not do
//!
//! Counts of uses and bytes ([`Uses`]) and what is revoked ([`Revocations`]) live in memory. Counts
//! do not outlive the process, nor are they shared between processes: where a count must hold, use
//! keys that live no longer than the counts do. Revocations can be carried over with
//! [`Revocations::snapshot`]; without that, every reference from before a restart is stale.

mod access;
mod audience;
mod caveat;
mod claims;
mod codec;
mod grant;
mod issue;
mod key;
mod keys;
mod mint;
mod name;
mod object;
mod parts;
mod reading;
mod reference;
mod refused;
mod revoke;
mod secret;
#[cfg(feature = "ed25519")]
mod sign;
mod tenant;
mod time;
mod unverified;
mod uri;
mod uses;
mod verb;
mod verify;

#[cfg(feature = "ed25519")]
pub use self::sign::{InvalidPublicKey, PublicKey};
pub(crate) use self::uri::IN_QUERY;
pub use self::{
    access::Access,
    audience::{Audience, Bearer, Presenter},
    caveat::Caveat,
    codec::MAX_TOKEN,
    grant::Grant,
    issue::{Issuer, Limits, MintError},
    key::KeyId,
    keys::{Keys, KeysError},
    mint::Mint,
    name::{Authority, InvalidName, Label, TokenId},
    object::Object,
    reading::Reading,
    reference::{AttenuateError, InvalidToken, SignedReference},
    refused::{Reason, Refused},
    revoke::{Revocations, Snapshot},
    secret::{Secret, SecretError},
    time::MAX_LIFETIME,
    unverified::Unverified,
    uri::Uri,
    uses::Uses,
    verb::{ToolPattern, Verb, Verbs},
    verify::Verifier,
};
