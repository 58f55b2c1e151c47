#![doc = include_str!("../README.md")]

mod ring;
mod secret;

pub use ring::{KeyRing, OpenError, SealError};
pub use secret::{Secret, SecretError};
