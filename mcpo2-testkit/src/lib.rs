#![doc = include_str!("../README.md")]

pub mod chaos;
pub mod fixture;
pub mod raw;
