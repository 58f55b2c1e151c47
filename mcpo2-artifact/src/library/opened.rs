mod url;

use std::{ops::Range, time::SystemTime};

use bytes::Bytes;
use mcpo2_core::Digest;
use percent_encoding::utf8_percent_encode;

pub(crate) use self::url::BlobUrl;
use super::unread;
use crate::{
    Error, Selector,
    blob::{BlobError, BlobReader},
    excerpt::{Excerpt, Kind},
    manifest::RelPath,
    object::length,
    range::Ranges,
    token::{Access, IN_QUERY},
};

/// How much is looked through at once for the ends of lines.
const STEP: u64 = 256 * 1024;

/// What a signed reference names, open for one reader.
#[derive(Debug)]
pub(crate) struct Opened {
    uri: String,
    path: Option<RelPath>,
    access: Access,
    source: Source,
    now: SystemTime,
}

#[derive(Debug)]
pub(super) enum Source {
    Blob(BlobReader),
    /// A manifest, as it is read.
    Listing(Bytes),
}

impl Opened {
    pub(super) fn new(
        uri: String,
        path: Option<RelPath>,
        access: Access,
        source: Source,
        now: SystemTime,
    ) -> Self {
        Self {
            uri,
            path,
            access,
            source,
            now,
        }
    }

    fn size(&self) -> u64 {
        match &self.source {
            Source::Blob(blob) => blob.size(),
            Source::Listing(text) => length(text),
        }
    }

    fn digest(&self) -> Digest {
        match &self.source {
            Source::Blob(blob) => *blob.digest(),
            Source::Listing(text) => Digest::of(text),
        }
    }

    /// The URI that reads on behind this offset, as far as more is granted.
    fn next(&self, end: u64) -> Option<String> {
        let granted = self.granted();
        let next = granted.iter().find(|range| range.end > end)?;
        let from = next.start.max(end);
        let path = self.path.as_ref().map(|path| {
            let path = utf8_percent_encode(path.as_str(), IN_QUERY);
            format!("path={path}&")
        });
        let path = path.unwrap_or_default();
        Some(format!("{}?{path}bytes={from}-", self.uri))
    }

    /// The bytes that are asked for, all of which are granted; none where that is not so.
    pub(crate) async fn select(&self, selector: Selector) -> Result<Option<Range<u64>>, Error> {
        let (size, granted) = (self.size(), self.granted());
        let open_end = |from: u64| {
            let mut ranges = granted.iter();
            ranges
                .find(|range| range.contains(&from))
                .map(|range| range.end)
        };
        let range = match selector {
            Selector::Whole => granted.iter().next().unwrap_or(0..0),
            Selector::Bytes { from, to: Some(to) } => from..to.min(size),
            Selector::Bytes { from, to: None } => from..open_end(from).unwrap_or(size),
            Selector::Lines { first, last } => {
                match self.lines(first, last).await.map_err(unread)? {
                    Some(range) => range,
                    None => return Ok(None),
                }
            }
        };
        let holds = range.start <= range.end && granted.covers(&Ranges::one(range.clone()));
        Ok(holds.then_some(range))
    }

    /// As much of this range as `limit` allows.
    pub(crate) async fn excerpt(&self, range: Range<u64>, limit: u64) -> Result<Excerpt, Error> {
        let (bytes, range) = self.read(range, limit).await?;
        Ok(Excerpt {
            uri: self.uri.clone(),
            next: self.next(range.end),
            digest: self.digest(),
            size: self.size(),
            bytes,
            range,
            expires_in: self.access.grant().expires_in(self.now),
            kind: match self.source {
                Source::Blob(_) => Kind::Blob,
                Source::Listing(_) => Kind::Listing,
            },
        })
    }

    /// Reads a part, at most `limit` bytes of it, and takes it off what is left. A text that is cut
    /// ends with a whole character.
    async fn read(&self, range: Range<u64>, limit: u64) -> Result<(Bytes, Range<u64>), Error> {
        let end = range.end.min(range.start.saturating_add(limit));
        let is_cut = end < range.end;
        let range = range.start..end;
        if range.is_empty() {
            return Ok((Bytes::new(), range));
        }
        let mut reading = self
            .access
            .open(&Ranges::one(range.clone()), self.now)
            .map_err(Error::from)?;
        let mut bytes = self.bytes(range.clone()).await.map_err(unread)?;
        if is_cut {
            bytes.truncate(whole_characters(&bytes));
        }
        reading.deliver(length(&bytes)).map_err(Error::from)?;
        let end = range.start.saturating_add(length(&bytes));
        Ok((bytes, range.start..end))
    }

    fn granted(&self) -> Ranges {
        self.access.grant().ranges().clamp(self.size())
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, BlobError> {
        match &self.source {
            Source::Blob(blob) => blob.read(range).await,
            Source::Listing(text) => {
                let at = |offset: u64| {
                    usize::try_from(offset)
                        .unwrap_or(usize::MAX)
                        .min(text.len())
                };
                Ok(text.slice(at(range.start)..at(range.end).max(at(range.start))))
            }
        }
    }

    /// The range of bytes of these lines, counted from one; none where the first is not there.
    ///
    /// No index of lines is kept: all before the last of them is read.
    async fn lines(&self, first: u64, last: Option<u64>) -> Result<Option<Range<u64>>, BlobError> {
        let size = self.size();
        let (mut start, mut line, mut at) = ((first <= 1).then_some(0), 1_u64, 0);
        while at < size {
            if start.is_some() && last.is_none() {
                break;
            }
            let bytes = self.bytes(at..at.saturating_add(STEP).min(size)).await?;
            let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            for (place, _) in newlines {
                let behind = at + length(bytes.get(..=place).unwrap_or_default());
                if Some(line) == last {
                    return Ok(start.map(|start| start..behind));
                }
                line += 1;
                if line == first {
                    start = Some(behind);
                }
            }
            at += length(&bytes).max(1);
        }
        Ok(start.filter(|start| *start < size).map(|start| start..size))
    }
}

/// How much of these bytes is left without a character at their end that is not whole; all of it
/// where they are no text.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}
