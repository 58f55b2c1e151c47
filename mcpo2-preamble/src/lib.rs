#![doc = include_str!("../README.md")]

mod config;
mod edit;
mod error;
mod future;
mod layer;
mod lint;
mod profiles;
mod service;

pub use config::{Config, InstructionsConfig, ProfileConfig, Selection, Slot};
pub use error::{ConfigError, Refusal, TextFault};
pub use future::ResponseFuture;
pub use layer::PreambleLayer;
pub use profiles::{Point, Profiles};
pub use service::PreambleService;

/// The namespace of `_meta` keys that are the platform's: a caller's are taken away.
pub const META_PREFIX: &str = "dev.mcpo2/";

/// The `_meta` key that tells a module which preamble applies.
pub const META_KEY: &str = "dev.mcpo2/preamble";

/// The longest text of a profile, in bytes.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The longest instructions that clients are known to pass on whole, in bytes.
pub const MAX_INSTRUCTIONS_BYTES: usize = 2_000;
