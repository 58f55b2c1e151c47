//! Walks over the lines of one segment and checks each against the one before.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use mcpo2_core::Digest;

use crate::{
    Event, FORMAT, Line, MAX_LINE, SegmentHeader,
    line::{GENESIS, parse_line},
};

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is no line of a ledger: it was edited, or something was put in.
    #[error("not a line of a ledger")]
    Malformed,
    /// It is longer than any honest line.
    #[error("the line is too long")]
    TooLong,
    /// It ends without a line feed: the end of the file was torn off, or is still being written.
    #[error("the line is torn")]
    Torn,
    /// Its hash is not that of what stands in it.
    #[error("the record was edited")]
    Edited,
    /// Another number should stand here: records are missing, repeated or out of order.
    #[error("record {found} stands where record {expected} should")]
    Sequence {
        /// The number that should stand here.
        expected: u64,
        /// The number that does.
        found: u64,
    },
    /// It follows another line than the one that stands before it.
    #[error("the chain is broken: the record before this one is not the one it followed")]
    Broken,
    /// The first line of a segment is not its header.
    #[error("not the header of this segment of this ledger")]
    Header,
    /// Another version of the format wrote it, a newer one perhaps.
    #[error("the record is of another version of the format, so another version must go on here")]
    Version,
    /// The segment is not there.
    #[error("the segment is missing")]
    MissingSegment,
    /// The ledger ends before a record that was known to be in it.
    #[error("the ledger ends before record {seq}, which was in it")]
    Truncated {
        /// The number of the record.
        seq: u64,
    },
    /// The record is not the one that was known to be here.
    #[error("the record is not the one that was here before")]
    Rewritten,
}

/// Where a chain stands: what comes next, and what it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) next: u64,
    pub(crate) hash: Digest,
}

impl Tip {
    pub(crate) const GENESIS: Self = Self {
        next: 0,
        hash: GENESIS,
    };

    /// As [`follow`](Self::follow), where records are to be added: only behind our own kind.
    pub(crate) fn continue_from(self, line: &Line<'_>) -> Result<Self, Fault> {
        let tip = self.follow(line)?;
        let begins = format!(r#"{{"format":"{FORMAT}","#);
        match line.record_bytes().starts_with(begins.as_bytes()) {
            true => Ok(tip),
            false => Err(Fault::Version),
        }
    }

    /// The tip behind this line, if it may stand here.
    pub(crate) fn follow(self, line: &Line<'_>) -> Result<Self, Fault> {
        if !line.is_intact() {
            return Err(Fault::Edited);
        }
        if line.seq() != self.next {
            return Err(Fault::Sequence {
                expected: self.next,
                found: line.seq(),
            });
        }
        if line.prev() != self.hash {
            return Err(Fault::Broken);
        }
        Ok(Self {
            next: self.next.saturating_add(1),
            hash: line.hash(),
        })
    }
}

/// The header in the first line of a segment.
pub(crate) fn header(line: &Line<'_>, segment: u32) -> Result<SegmentHeader, Fault> {
    match line.record().map(|record| record.event) {
        Ok(Event::Segment(header)) if header.segment == segment => Ok(header),
        _ => Err(Fault::Header),
    }
}

/// The lines of a file, one at a time, in bounded memory.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    start: u64,
    end: u64,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            reader: BufReader::with_capacity(128 * 1024, File::open(path)?),
            line: Vec::new(),
            number: 0,
            start: 0,
            end: 0,
        })
    }

    /// The next line without its line feed; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<Line<'_>, Fault>>> {
        self.line.clear();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        let read = (&mut self.reader)
            .take(limit)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.start = self.end;
        self.end += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(Some(match self.line.strip_suffix(b"\n") {
            Some(line) => parse_line(line).map_err(|_| Fault::Malformed),
            None if read == MAX_LINE => Err(Fault::TooLong),
            None => Err(Fault::Torn),
        }))
    }

    /// The number of the line that was last read, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Where the line that was last read begins.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Where the line that was last read ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Whether nothing follows.
    pub(crate) fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.reader.fill_buf()?.is_empty())
    }
}
