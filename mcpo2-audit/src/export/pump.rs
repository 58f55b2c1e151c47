use std::io;

use mcpo2_core::BoxError;

use super::{CursorError, CursorFile, Exported, Format};

/// Where records come from: the ledger.
pub trait Feed: Send {
    /// The records behind this number, or from the first of all, in their order and `max` at
    /// most; none where nothing follows yet. It does not wait.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be read.
    fn next_after(&mut self, seq: Option<u64>, max: usize) -> Result<Vec<Exported>, BoxError>;
}

/// Where records go.
pub trait Sink: Send {
    /// Sends these records. Once it returns, they are where they belong, as far as the sink can
    /// know. Of those that it fails to send, all are sent again, whether some arrived or not.
    ///
    /// # Errors
    ///
    /// Where not all of them could be sent.
    fn send(&mut self, records: &[Exported]) -> Result<(), BoxError>;
}

/// A sink that writes records in a format, and flushes after each batch.
#[derive(Debug)]
pub struct Lines<F, W> {
    format: F,
    out: W,
}

impl<F: Format, W: io::Write> Lines<F, W> {
    /// Writes this format there.
    pub fn new(format: F, out: W) -> Self {
        Self { format, out }
    }

    /// What it writes to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<F: Format + Send, W: io::Write + Send> Sink for Lines<F, W> {
    fn send(&mut self, records: &[Exported]) -> Result<(), BoxError> {
        self.out.write_all(&self.format.encode(records))?;
        Ok(self.out.flush()?)
    }
}

/// Why a batch was not exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PumpError {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Feed(#[source] BoxError),
    /// The sink did not take it.
    #[error("records could not be sent")]
    Sink(#[source] BoxError),
    /// It was sent, and will be again.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

/// Sends the next records, `max` at most, and says how many those were: none where nothing
/// follows yet. Call it again, after a pause where it failed.
///
/// # Errors
///
/// Where they were not sent, or that they were cannot be written down.
pub fn pump(
    feed: &mut dyn Feed,
    sink: &mut dyn Sink,
    cursor: &mut CursorFile,
    max: usize,
) -> Result<usize, PumpError> {
    let records = feed
        .next_after(cursor.seq(), max)
        .map_err(PumpError::Feed)?;
    let Some(last) = records.last() else {
        return Ok(0);
    };
    sink.send(&records).map_err(PumpError::Sink)?;
    cursor.advance(last.seq)?;
    Ok(records.len())
}
