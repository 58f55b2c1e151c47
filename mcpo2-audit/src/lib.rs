#![doc = include_str!("../README.md")]

mod begun;
mod clock;
mod commit;
mod config;
mod disk;
mod epoch;
mod error;
pub mod export;
mod frames;
mod future;
mod heard;
mod id;
pub mod index;
mod intent;
mod json;
mod keeping;
mod layer;
mod ledger;
mod opening;
mod orders;
mod pending;
mod prepared;
mod prove;
mod queue;
mod read;
mod receipt;
mod record;
mod recover;
mod run;
mod secret;
mod service;
mod signer;
mod source;
mod text;
mod tiles;
mod vault;
mod verify;
pub mod witness;
mod writer;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use clock::{Clock, SystemClock};
pub use commit::{Commit, Committed};
pub use config::{
    Arguments, Checkpoints, Config, ConfigError, ConnectionString, IndexConfig, Options,
    PostgresConfig, Receipts, Retain,
};
pub use disk::{DirDisk, Disk, DiskFile};
pub use error::{Error, ErrorKind};
pub use future::ResponseFuture;
pub use id::{RecordId, RecordIdError};
pub use intent::{IntentFuture, IntentLayer, IntentService};
pub use keeping::Keeping;
pub use layer::AuditLayer;
pub use ledger::{Ledger, Place};
pub use mcpo2_core::Durability;
pub use prove::{Disclosure, Evidence, ProveError, Statements, prove, prove_since};
pub use queue::Stats;
pub use read::{Calls, Entries, Entry, Follower, LedgerFeed, ReadError, calls, read, tail};
pub use receipt::RECEIPT;
pub use record::{
    Asked, CallRecord, Caller, Class, Ended, Erased, Event, FORMAT, Heartbeat, Held, IntentRecord,
    ItemRef, KeyRotation, Note, Outcome, OutcomeRecord, Record, Recovered, Reject, Retained,
    Retention, Rotated, class_of,
};
pub use service::AuditService;
pub use signer::{KeySigner, Signer};
pub use source::Source;
pub use verify::{Head, VerifyError, verify};

pub use mcpo2_verify::log::Report;
