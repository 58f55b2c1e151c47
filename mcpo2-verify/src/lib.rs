#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod cosignature;
pub mod key;
pub mod note;
mod text;

#[cfg(test)]
mod testing;
