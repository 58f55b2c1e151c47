#![doc = include_str!("../README.md")]

pub mod app;
pub mod builtin;
pub mod cli;
pub mod config;
pub mod demo;
pub mod identity;
mod keys;
mod library;
mod lookalikes;
pub mod reload;
pub mod witness;

mod admin;
mod admission;
mod cors;
mod edge;
mod engines;
mod index;
mod processors;
mod refusal;
mod respond;
mod serve;
mod shutdown;
mod stack;
mod surroundings;
mod telemetry;

pub use app::{App, BuildError, Mode};
pub use serve::Listener;
pub use shutdown::Shutdown;
pub use stack::Stack;
pub use telemetry::init as init_log;
