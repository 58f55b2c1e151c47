//! What implementors of the traits of this crate test against.
//!
//! ```
//! use mcpo2_audit::{KeySigner, SystemClock, conformance};
//! conformance::disk(&conformance::ModelDisk::new())?;
//! conformance::signer(&KeySigner::generate()?.0)?;
//! conformance::clock(&SystemClock::default())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod traits;

pub use self::traits::{clock, disk, signer};
pub use crate::disk::{DiskFault, ModelDisk};
pub use crate::index::conformance::*;
