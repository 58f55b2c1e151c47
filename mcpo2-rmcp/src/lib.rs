#![doc = include_str!("../README.md")]

mod downstream;
mod error;
mod exchange;
mod governed;
mod handler;
mod in_process;
mod peer;
mod wire;

pub use downstream::Downstream;
pub use error::APPROVAL_REQUIRED;
pub use governed::{Governed, Identify};
pub use handler::HandlerService;
pub use in_process::{Guard, InProcess, spawn};
pub use peer::PeerService;
