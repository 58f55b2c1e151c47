//! Compact JSON of what is written for every call, byte for byte as `serde_json` has it.
//!
//! `serde_json` looks at strings byte by byte, the names of members among them: two fifths of what
//! a record cost. Here names are not looked at, and other strings by words. Whatever is not worth
//! more code, such as numbers and strings that need an escape, is left to `serde_json`. `sonic-rs`
//! scans faster too, but brings unsafe code and a tree of dependencies, most of it for reading.

mod compound;
mod serializer;
mod text;

use serde::Serialize;

/// Writes the value behind what is in `to`.
///
/// Names of members and variants must need no escape. `serde_json`'s own wrappers (`RawValue`)
/// mean nothing here.
pub(crate) fn write<T: Serialize + ?Sized>(
    to: &mut Vec<u8>,
    value: &T,
) -> Result<(), serde_json::Error> {
    value.serialize(serializer::Json(to))
}

#[cfg(test)]
mod tests;
