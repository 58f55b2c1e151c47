//! What implementors of the traits of this crate test against.

pub use crate::disk::{DiskFault, ModelDisk};
pub use crate::index::conformance::*;
