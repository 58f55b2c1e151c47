#![doc = include_str!("../README.md")]

mod bench;
mod child;
pub mod cli;
mod client;
pub mod governance;
mod load;
mod message;
mod plot;
mod process;
mod report;
pub mod serve;
mod soak;
mod target;

pub use client::{Answer, Client};
pub use load::{Load, Pace, Round};
pub use message::{Era, Exchange, Expected, Work};
pub use process::Process;
pub use target::Target;
