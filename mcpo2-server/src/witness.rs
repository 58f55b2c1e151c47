//! Witnesses over HTTP: asking them, and being one.
//!
//! [`WitnessTask`] has what a ledger says of itself signed by the witnesses of a policy, again and
//! again; [`WitnessStatus`] says how that goes.

mod client;
mod ledger;
mod status;
mod task;

pub(crate) use status::now;

pub use client::{ClientError, WitnessClient};
pub use ledger::WitnessedLedger;
pub use status::WitnessStatus;
pub use task::{Round, WitnessConfig, WitnessTask};
