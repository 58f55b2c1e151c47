#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod cosignature;
pub mod key;
pub mod note;
pub mod rotation;
mod text;

#[cfg(test)]
mod testing;
