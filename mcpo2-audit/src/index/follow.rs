use mcpo2_core::BoxError;

use super::{Error, ErrorKind, Index, Row};

/// How many rows an index is given at once.
pub(super) const BATCH: usize = 1000;

/// Where rows come from: the ledger.
///
/// A function of the number and how many is one, too.
pub trait Source: Send {
    /// The rows behind this number, or from the first of all, in their order and `max` at most;
    /// none where nothing follows yet. It does not wait.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Row>, BoxError>;

    /// The number of the newest record, where that is known.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    fn head(&mut self) -> Result<Option<u64>, BoxError> {
        Ok(None)
    }
}

impl<F> Source for F
where
    F: FnMut(Option<u64>, usize) -> Result<Vec<Row>, BoxError> + Send,
{
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Row>, BoxError> {
        self(seq, max)
    }
}

/// How far a pass over the ledger has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many rows it has dealt with.
    pub rows: u64,
    /// The number of the last of them.
    pub last: u64,
    /// The number of the newest record, where that is known.
    pub head: Option<u64>,
}

/// Makes an index anew from its ledger, and says after each batch how far it has come.
///
/// Whoever queries it meanwhile sees a part. It returns how many rows there are.
///
/// # Errors
///
/// Where the ledger cannot be read, or the index cannot be written.
pub fn reindex(
    index: &mut dyn Index,
    source: &mut dyn Source,
    mut progress: impl FnMut(Progress),
) -> Result<u64, Error> {
    index.clear()?;
    let (mut rows, mut after) = (0_u64, None);
    let head = source.head().map_err(of_source)?;
    while let Some((batch, last)) = next(source, after)? {
        index.apply(&batch)?;
        rows = rows.saturating_add(count(&batch));
        after = Some(last);
        progress(Progress { rows, last, head });
    }
    Ok(rows)
}

/// What a comparison of an index with its ledger came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// How many rows were the same.
    pub rows: u64,
    /// The first that is not, where there is one.
    pub difference: Option<Difference>,
}

/// How an index differs from its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// A record is not in the index, though later ones are.
    #[error("row {seq} is missing")]
    Missing {
        /// Its number.
        seq: u64,
    },
    /// A row is in the index, and the ledger has no such record.
    #[error("row {seq} is in no ledger")]
    Extra {
        /// Its number.
        seq: u64,
    },
    /// A row is not what its record says.
    #[error("row {seq} differs in `{column}`")]
    Edited {
        /// Its number.
        seq: u64,
        /// The first column in which it differs.
        column: &'static str,
    },
}

/// Compares an index with its ledger, as far as it is indexed, up to the first difference.
///
/// An erasure that the index has not heard of yet is a difference, too.
///
/// # Errors
///
/// Where one of them cannot be read; what an index cannot have been given counts as that.
pub fn check(
    index: &dyn Index,
    source: &mut dyn Source,
    mut progress: impl FnMut(Progress),
) -> Result<Checked, Error> {
    let (mut rows, mut after) = (0, None);
    let last = index.last_indexed()?;
    let head = source.head().map_err(of_source)?;
    while let Some((batch, _)) = next(source, after)? {
        let mut held = index.rows(after, batch.len())?.into_iter();
        let indexed = batch.iter().take_while(|row| Some(row.seq) <= last);
        for row in indexed {
            if let Some(difference) = compare(row, held.next().as_ref())? {
                let difference = Some(difference);
                return Ok(Checked { rows, difference });
            }
            after = Some(row.seq);
            rows = rows.saturating_add(1);
        }
        if let Some(last) = after {
            progress(Progress { rows, last, head });
        }
        if batch.last().map(|row| row.seq) != after {
            break;
        }
    }
    let difference = extra(index, after, last)?;
    Ok(Checked { rows, difference })
}

fn compare(row: &Row, held: Option<&Row>) -> Result<Option<Difference>, Error> {
    let seq = row.seq;
    Ok(match held {
        Some(held) if held.seq == seq => row
            .difference(held)?
            .map(|column| Difference::Edited { seq, column }),
        Some(held) if held.seq < seq => Some(Difference::Extra { seq: held.seq }),
        _ => Some(Difference::Missing { seq }),
    })
}

/// What stands in the index behind all that the ledger has of it.
fn extra(
    index: &dyn Index,
    after: Option<u64>,
    last: Option<u64>,
) -> Result<Option<Difference>, Error> {
    let behind = index.rows(after, 1)?;
    let Some(seq) = behind.first().map(|row| row.seq) else {
        return Ok(None);
    };
    // Whoever follows the ledger may have put it there in the meantime.
    let is_new = Some(seq) > last && Some(seq) <= index.last_indexed()?;
    Ok((!is_new).then_some(Difference::Extra { seq }))
}

/// The next rows, and the number of the last of them.
pub(super) fn next(
    source: &mut dyn Source,
    after: Option<u64>,
) -> Result<Option<(Vec<Row>, u64)>, Error> {
    let batch = source.next_after(after, BATCH).map_err(of_source)?;
    let mut before = after;
    for row in &batch {
        if before >= Some(row.seq) {
            let message = "the ledger gave a row that is not behind the one before it";
            return Err(Error::new(ErrorKind::Source, message));
        }
        before = Some(row.seq);
    }
    let last = batch.last().map(|row| row.seq);
    Ok(last.map(|last| (batch, last)))
}

pub(super) fn count(rows: &[Row]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

pub(super) fn of_source(error: BoxError) -> Error {
    Error::new(ErrorKind::Source, "the ledger cannot be read").with_source(error)
}
