#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod cosignature;
pub mod key;
pub mod note;
pub mod rotation;
mod text;
pub mod trust;

#[cfg(test)]
mod testing;
