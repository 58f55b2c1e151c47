#![doc = include_str!("../README.md")]

mod clock;
mod config;
mod error;
pub mod export;
mod files;
mod frames;
mod future;
mod heard;
mod id;
pub mod index;
mod json;
mod layer;
mod ledger;
mod line;
mod pending;
mod queue;
mod read;
mod record;
mod recover;
mod scan;
mod secret;
mod service;
mod source;
mod text;
mod verify;
mod writer;

pub use clock::{Clock, SystemClock};
pub use config::{Config, ConfigError, Durability, Options};
pub use error::{Error, ErrorKind};
pub use future::ResponseFuture;
pub use id::{RecordId, RecordIdError};
#[cfg(feature = "conformance")]
pub use index::conformance;
pub use layer::AuditLayer;
pub use ledger::{Ledger, Place};
pub use line::{Line, LineError, MAX_LINE, parse_line};
pub use queue::Stats;
pub use read::{Entries, Entry, ReadError, read, tail};
pub use record::{
    Asked, CallRecord, Caller, Ended, Event, FORMAT, ItemRef, Note, Outcome, Record, Recovered,
    Reject, SegmentHeader,
};
pub use scan::Fault;
pub use service::AuditService;
pub use source::Source;
pub use verify::{Damage, Head, Report, VerifyError, verify, verify_since};
