use std::ops::Range;

use mcpo2_core::Digest;

use crate::{Error, ErrorKind, Key, Store};

/// A range is verified by the digests of the blocks that it lies in.
const BLOCK: u64 = 64 * 1024;

/// What an object must be when it is read again: its length and digests.
///
/// It takes 40 bytes for each 64 KiB, so a range is verified without reading the whole.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    blocks: Box<[Block]>,
}

#[derive(Debug)]
struct Block {
    digest: Digest,
    newlines: u32,
}

impl Object {
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let blocks = bytes.chunks(position(BLOCK)).map(|block| Block {
            digest: Digest::of(block),
            newlines: newlines(block).count().try_into().unwrap_or(u32::MAX),
        });
        Self {
            digest: Digest::of(bytes),
            size: length(bytes),
            blocks: blocks.collect(),
        }
    }

    /// The bytes of a range, once the blocks that it lies in are verified.
    pub(crate) async fn read(
        &self,
        store: &dyn Store,
        key: &Key,
        range: Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let first = range.start / BLOCK;
        let mut read = Vec::new();
        let mut start = first * BLOCK;
        for expected in self.blocks.iter().skip(position(first)) {
            if start >= range.end {
                break;
            }
            let end = (start + BLOCK).min(self.size);
            let found = store.read(key, start..end).await?;
            if Digest::of(&found) != expected.digest {
                return Err(Error::new(ErrorKind::Corrupt, "the object has changed"));
            }
            let wanted = range.start.saturating_sub(start)..range.end.min(end) - start;
            let wanted = position(wanted.start)..position(wanted.end);
            read.extend_from_slice(found.get(wanted).unwrap_or_default());
            start = end;
        }
        Ok(read)
    }

    /// The range of bytes of these lines, counted from one; none where the first is not there.
    pub(crate) async fn lines(
        &self,
        store: &dyn Store,
        key: &Key,
        first: u64,
        last: Option<u64>,
    ) -> Result<Option<Range<u64>>, Error> {
        let start = self.behind_newline(store, key, first.saturating_sub(1));
        let Some(start) = start.await?.filter(|start| *start < self.size) else {
            return Ok(None);
        };
        let end = match last {
            Some(last) => self.behind_newline(store, key, last).await?,
            None => None,
        };
        Ok(Some(start..end.unwrap_or(self.size)))
    }

    /// Where the text behind this newline begins, counted from one; newline 0 is the beginning.
    async fn behind_newline(
        &self,
        store: &dyn Store,
        key: &Key,
        newline: u64,
    ) -> Result<Option<u64>, Error> {
        if newline == 0 {
            return Ok(Some(0));
        }
        let (mut left, mut start) = (newline - 1, 0);
        for block in &self.blocks {
            let end = (start + BLOCK).min(self.size);
            if left < u64::from(block.newlines) {
                let bytes = self.read(store, key, start..end).await?;
                let found = newlines(&bytes).nth(position(left));
                return Ok(found.map(|at| start + length(bytes.get(..=at).unwrap_or_default())));
            }
            left -= u64::from(block.newlines);
            start = end;
        }
        Ok(None)
    }
}

fn newlines(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let all = bytes.iter().enumerate();
    all.filter(|&(_, b)| *b == b'\n').map(|(at, _)| at)
}

/// The length of a slice as an offset.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap_or(u64::MAX)
}

/// An offset as an index; one that is too large is behind every end.
pub(crate) fn position(offset: u64) -> usize {
    offset.try_into().unwrap_or(usize::MAX)
}
