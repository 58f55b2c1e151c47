//! The reference for people, rendered from the schema.

/// The shortest file that serves something.
pub const MINIMAL: &str = include_str!("minimal.yaml");

/// A file that uses most of what there is.
pub const FULL: &str = include_str!("full.yaml");

/// The reference, as Markdown.
#[must_use]
pub fn reference() -> String {
    String::new()
}
