#![doc = include_str!("../README.md")]

pub mod fixture;
pub mod raw;
