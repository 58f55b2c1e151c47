use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use mcpo2_core::Digest;
use serde::Serialize;

use crate::{Fault, Record, VerifyError, files, scan::Lines};

/// Reads the records of a ledger, oldest first, one at a time.
///
/// It checks the hash of each line, but not the chain: [`verify`](crate::verify) does. A last
/// line that is not whole is taken for one that is still being written, and left out.
///
/// # Errors
///
/// Where the directory cannot be read.
pub fn read(dir: impl AsRef<Path>) -> Result<Entries, ReadError> {
    let dir = dir.as_ref();
    let segments = files::segments(dir).map_err(VerifyError::io(dir))?;
    Ok(Entries {
        segments: segments.into(),
        current: None,
    })
}

/// Reads the newest records of a ledger, `count` at most, oldest first.
///
/// # Errors
///
/// As [`read`], and for lines that are not whole.
pub fn tail(dir: impl AsRef<Path>, count: usize) -> Result<Vec<Entry>, ReadError> {
    let dir = dir.as_ref();
    let segments = files::segments(dir).map_err(VerifyError::io(dir))?;
    let mut newest = VecDeque::new();
    for segment in segments.into_iter().rev() {
        let room = count.saturating_sub(newest.len());
        if room == 0 {
            break;
        }
        let mut older = VecDeque::new();
        let entries = Entries {
            segments: [segment].into(),
            current: None,
        };
        for entry in entries {
            if older.len() == room {
                older.pop_front();
            }
            older.push_back(entry?);
        }
        older.append(&mut newest);
        newest = older;
    }
    Ok(newest.into())
}

/// One record with its place in the chain.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// The number of the record, from 0.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: Digest,
    /// The hash of its line.
    pub hash: Digest,
    /// The record.
    pub record: Record,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The line is damaged, or the file cannot be read.
    #[error(transparent)]
    Line(#[from] VerifyError),
    /// The line is whole, and its record is none of this version.
    #[error("record {seq} is of another version")]
    Record {
        /// The number of the record.
        seq: u64,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}

/// The records of a ledger, as they are read; it ends at the first line that is damaged.
#[derive(Debug)]
pub struct Entries {
    segments: VecDeque<(u32, PathBuf)>,
    current: Option<(u32, PathBuf, Lines)>,
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(Some(entry)) => Some(entry),
            Ok(None) => None,
            Err(error) => {
                self.segments.clear();
                self.current = None;
                Some(Err(error.into()))
            }
        }
    }
}

impl Entries {
    fn advance(&mut self) -> Result<Option<Result<Entry, ReadError>>, VerifyError> {
        loop {
            if self.current.is_none() {
                let Some((number, path)) = self.segments.pop_front() else {
                    return Ok(None);
                };
                let lines = Lines::open(&path).map_err(VerifyError::io(&path))?;
                self.current = Some((number, path, lines));
            }
            let Some((number, path, lines)) = &mut self.current else {
                return Ok(None);
            };
            let Some(line) = lines.next().map_err(VerifyError::io(path))? else {
                self.current = None;
                continue;
            };
            let fault = match line {
                Ok(line) if line.is_intact() => {
                    return Ok(Some(entry(&line)));
                }
                Ok(_) => Fault::Edited,
                Err(Fault::Torn) if self.segments.is_empty() => {
                    self.current = None;
                    continue;
                }
                Err(fault) => fault,
            };
            return Err(VerifyError::damaged(*number, lines.number(), fault));
        }
    }
}

fn entry(line: &crate::Line<'_>) -> Result<Entry, ReadError> {
    let seq = line.seq();
    let record = line
        .record()
        .map_err(|source| ReadError::Record { seq, source })?;
    Ok(Entry {
        seq,
        prev: line.prev(),
        hash: line.hash(),
        record,
    })
}
