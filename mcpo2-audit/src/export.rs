//! Records on their way to other systems: each at least once, in the order of the ledger, and off
//! its way.
//!
//! [`pump`] takes what is behind a [`CursorFile`] from a [`Feed`] to a [`Sink`], and writes down
//! how far it has come once the sink has it. What was sent and not written down is sent again:
//! whoever receives it tells records apart by origin and number.
//!
//! ```
//! use mcpo2_audit::export::{Exported, Format, Jsonl};
//!
//! let record = serde_json::json!({ "kind": "admin", "action": "reload" });
//! let line = Jsonl.encode(&[Exported::new("acme.example/one", 7, [0; 32], record)]);
//! assert!(line.starts_with(br#"{"origin":"acme.example/one","seq":7,"leaf":"0000"#));
//! ```

mod cef;
mod cursor;
mod exported;
mod jsonl;
mod ocsf;
pub mod otlp;
mod pair;
mod pump;

pub use self::{
    cef::Cef,
    cursor::{CursorError, CursorFile},
    exported::Exported,
    jsonl::Jsonl,
    ocsf::Ocsf,
    pair::Paired,
    pump::{Feed, Lines, PumpError, Sink, pump},
};

/// How records are written for others.
pub trait Format {
    /// The text of these records: a line each, or one for all.
    fn encode(&self, records: &[Exported]) -> Vec<u8>;
}

/// The name of what writes, as formats that ask for a product have it.
const PRODUCT: &str = "MCPO2";
const VERSION: &str = env!("CARGO_PKG_VERSION");
