#![doc = include_str!("../README.md")]

mod answer;
mod exports;
mod question;

pub use answer::answer;
pub use question::{Part, Question};
