use std::{ops::Range, time::Duration};

use bytes::Bytes;
use mcpo2_core::Digest;

/// A part of an artifact that was read and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The artifact, its URI without a query.
    pub uri: String,
    /// The URI that reads on behind this part; none at the end.
    pub next: Option<String>,
    /// The digest of the whole.
    pub digest: Digest,
    /// The length of the whole, in bytes.
    pub size: u64,
    /// The part.
    pub bytes: Bytes,
    /// Where it stands in the whole, in bytes.
    pub range: Range<u64>,
    /// How much longer it can be read.
    pub expires_in: Duration,
    /// What the whole is.
    pub kind: Kind,
}

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The result of a call, as JSON.
    Result,
    /// A blob or a file of a manifest, of which nothing but its bytes is known.
    Blob,
    /// What a manifest lists: a JSON object in each line.
    Listing,
}

impl Excerpt {
    /// The part as text; none where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// Whether it is all there is.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.range == (0..self.size)
    }

    /// The media type of the part.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.kind {
            Kind::Result if self.is_whole() => "application/json",
            Kind::Listing if self.is_whole() => "application/jsonl",
            _ if self.text().is_some() => "text/plain",
            _ => "application/octet-stream",
        }
    }
}
