use jiff::Timestamp;
use mcpo2_core::TenantId;

use super::{COLUMNS, Cell};
use crate::{
    RecordId,
    index::{Context, Ending, Error, ErrorKind, Position, Row, Verdict, What, Who},
};

/// Reads a row from cells in the order of [`COLUMNS`].
#[derive(Debug)]
pub(crate) struct Reader<I>(pub(crate) I);

impl<I: Iterator<Item = Result<Cell<'static>, Error>>> Reader<I> {
    /// The row; none where its number is null.
    pub(crate) fn row(&mut self) -> Result<Option<Row>, Error> {
        let Some(seq) = self.int()? else {
            // as many as are left of it
            (1..COLUMNS.len()).try_for_each(|_| self.cell().map(drop))?;
            return Ok(None);
        };
        let row = self.rest(seq).map_err(|error| {
            let message = format!("row {seq} of the index is not as it was put there");
            Error::new(ErrorKind::Damaged, message).with_source(error)
        })?;
        Ok(Some(row))
    }

    fn rest(&mut self, seq: u64) -> Result<Row, Error> {
        let position = Position {
            segment: self.int()?.ok_or_else(damaged)?,
            offset: self.int()?.ok_or_else(damaged)?,
        };
        let id = self.id()?.ok_or_else(damaged)?;
        let kind = self.text()?.ok_or_else(damaged)?;
        let Cell::Int(nanos) = self.cell()? else {
            return Err(damaged());
        };
        let time = Timestamp::from_nanosecond(nanos.into()).map_err(|_| damaged())?;
        let mut row = Row::new(seq, id, kind, time);
        row.position = position;
        self.columns(&mut row)?;
        Ok(row)
    }

    fn columns(&mut self, row: &mut Row) -> Result<(), Error> {
        let tenant = self.text()?.map(|tenant| TenantId::new(&tenant));
        row.who = Who {
            tenant: tenant.transpose().map_err(|_| damaged())?,
            pseudonym: self.text()?,
            principal: self.text()?,
        };
        row.what = What {
            method: self.text()?,
            item_kind: self.text()?,
            item: self.text()?,
            family: self.text()?,
            module: self.text()?,
            action: self.text()?,
            bytes: self.int()?,
        };
        row.decided = Verdict {
            effect: self.text()?,
            rules: Vec::new(),
            bundle: self.text()?,
        };
        row.ended = Ending {
            outcome: self.text()?,
            fault: self.text()?,
            duration_us: self.int()?,
            bytes: self.int()?,
        };
        row.context = Context {
            trace: self.text()?,
            generation: self.int()?,
            intent: self.id()?,
            subject: self.text()?,
            detail: self.text()?,
        };
        Ok(())
    }

    fn cell(&mut self) -> Result<Cell<'static>, Error> {
        self.0.next().unwrap_or_else(|| Err(damaged()))
    }

    fn text(&mut self) -> Result<Option<Box<str>>, Error> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text.into())),
            Cell::Int(_) => Err(damaged()),
        }
    }

    fn int(&mut self) -> Result<Option<u64>, Error> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Int(number) => Ok(Some(u64::try_from(number).map_err(|_| damaged())?)),
            Cell::Text(_) => Err(damaged()),
        }
    }

    fn id(&mut self) -> Result<Option<RecordId>, Error> {
        let id = self.text()?.map(|id| id.parse::<RecordId>());
        id.transpose().map_err(|_| damaged())
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Damaged, "a column holds what it cannot")
}
