use std::{io, path::Path};

use jiff::Timestamp;
use mcpo2_core::Digest;
use serde::{Deserialize, Serialize};

use crate::{
    Fault, RecordId, SegmentHeader, files,
    scan::{Lines, Tip, header},
};

/// Checks all of a ledger: every hash, every link, every number, every segment.
///
/// It reads the bytes as they stand, in bounded memory, and needs no secret. What it proves: no
/// record was edited, removed, put in or moved, *unless whoever did it computed all later hashes
/// anew*. It cannot see that records are missing at the end; [`verify_since`] can, with a head
/// noted elsewhere. A ledger that is being written may end in a line that is not whole yet:
/// verify one at rest, or a copy.
///
/// # Errors
///
/// [`VerifyError::Damaged`] names the first line that is wrong.
pub fn verify(dir: impl AsRef<Path>) -> Result<Report, VerifyError> {
    Verifier::new(None).run(dir.as_ref())
}

/// The same, and checks that a record is still there which was known to be.
///
/// `known` is a head of an earlier [`Report`] or of [`Stats`](crate::Stats), kept where whoever
/// writes to the ledger cannot write. It shows that nothing up to that record was cut off or
/// written anew.
///
/// # Errors
///
/// As [`verify`], and [`Fault::Truncated`] or [`Fault::Rewritten`].
pub fn verify_since(dir: impl AsRef<Path>, known: Head) -> Result<Report, VerifyError> {
    Verifier::new(Some(known)).run(dir.as_ref())
}

/// The number and the hash of a record: who keeps them can tell whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the record.
    pub seq: u64,
    /// The hash of its line.
    pub hash: Digest,
}

/// What a ledger holds that was found whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The id of the ledger.
    pub ledger: RecordId,
    /// How many segments it has.
    pub segments: u64,
    /// How many records, the headers of segments included.
    pub records: u64,
    /// The time of the first record.
    pub first: Timestamp,
    /// The time of the last record.
    pub last: Timestamp,
    /// The last record.
    pub head: Head,
}

/// Why a ledger could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It was changed or damaged.
    #[error("{0}")]
    Damaged(Damage),
    /// It could not be read.
    #[error("cannot read {file}")]
    Io {
        /// What could not be read.
        file: String,
        /// Why.
        source: io::Error,
    },
}

/// Where a ledger was changed or damaged, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{segment}:{line}: {fault}")]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub segment: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl VerifyError {
    pub(crate) fn damaged(segment: u32, line: u64, fault: Fault) -> Self {
        Self::Damaged(Damage {
            segment: files::segment_name(segment),
            line,
            fault,
        })
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io {
            file: path.display().to_string(),
            source,
        }
    }
}

struct Verifier {
    known: Option<Head>,
    tip: Tip,
    header: Option<SegmentHeader>,
    times: Option<(Timestamp, Timestamp)>,
}

impl Verifier {
    fn new(known: Option<Head>) -> Self {
        Self {
            known,
            tip: Tip::GENESIS,
            header: None,
            times: None,
        }
    }

    fn run(mut self, dir: &Path) -> Result<Report, VerifyError> {
        let segments = files::segments(dir).map_err(VerifyError::io(dir))?;
        let mut end = (0, 0);
        for (expected, (number, path)) in (0..).zip(&segments) {
            if *number != expected {
                return Err(VerifyError::damaged(expected, 1, Fault::MissingSegment));
            }
            end = (*number, self.segment(*number, path)?);
        }
        let (Some(header), Some((first, last))) = (self.header, self.times) else {
            return Err(VerifyError::damaged(0, 1, Fault::MissingSegment));
        };
        if let Some(known) = self.known.filter(|known| known.seq >= self.tip.next) {
            let fault = Fault::Truncated { seq: known.seq };
            return Err(VerifyError::damaged(end.0, end.1, fault));
        }
        Ok(Report {
            ledger: header.ledger,
            segments: u64::try_from(segments.len()).unwrap_or(u64::MAX),
            records: self.tip.next,
            first,
            last,
            head: Head {
                seq: self.tip.next.saturating_sub(1),
                hash: self.tip.hash,
            },
        })
    }

    /// Checks one segment, and gives the number of its lines.
    fn segment(&mut self, segment: u32, path: &Path) -> Result<u64, VerifyError> {
        let mut lines = Lines::open(path).map_err(VerifyError::io(path))?;
        let mut last = Vec::new();
        while let Some(line) = lines.next().map_err(VerifyError::io(path))? {
            let checked = line.and_then(|line| {
                let tip = self.tip.follow(&line)?;
                if self
                    .known
                    .is_some_and(|known| known.seq == line.seq() && known.hash != line.hash())
                {
                    return Err(Fault::Rewritten);
                }
                last.clear();
                last.extend_from_slice(line.record_bytes());
                Ok((tip, line))
            });
            let checked = checked.and_then(|(tip, line)| match self.header.as_ref() {
                Some(known) if known.segment == segment => Ok(tip),
                _ => self.begin(&line, segment).map(|()| tip),
            });
            self.tip = match checked {
                Ok(tip) => tip,
                Err(fault) => {
                    return Err(VerifyError::damaged(segment, lines.number(), fault));
                }
            };
        }
        if lines.number() == 0 {
            return Err(VerifyError::damaged(segment, 1, Fault::Header));
        }
        if let (Some(time), Some((_, end))) = (time(&last), self.times.as_mut()) {
            *end = time;
        }
        Ok(lines.number())
    }

    /// Takes the header of a segment.
    fn begin(&mut self, line: &crate::Line<'_>, segment: u32) -> Result<(), Fault> {
        let new = header(line, segment)?;
        if let Some(old) = &self.header
            && (old.ledger, old.digest_key) != (new.ledger, new.digest_key)
        {
            return Err(Fault::Header);
        }
        self.header = Some(new);
        if self.times.is_none() {
            let time = time(line.record_bytes()).ok_or(Fault::Header)?;
            self.times = Some((time, time));
        }
        Ok(())
    }
}

/// The time of a record, without reading the rest.
fn time(record: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Timed {
        time: Timestamp,
    }
    let timed: Timed = serde_json::from_slice(record).ok()?;
    Some(timed.time)
}
