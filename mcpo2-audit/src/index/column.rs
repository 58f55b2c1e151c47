//! A row as the columns of a table: the one place that knows their order.

use std::borrow::Cow;

use mcpo2_core::TenantId;

use super::{Error, ErrorKind, Row};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod reader;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use reader::Reader;

/// What stands in one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
}

/// The columns in their order. The rules of a row are kept beside them.
pub(crate) const COLUMNS: [&str; 27] = [
    "seq",
    "segment",
    "start",
    "id",
    "kind",
    "time",
    "tenant",
    "pseudonym",
    "principal",
    "method",
    "item_kind",
    "item",
    "family",
    "module",
    "action",
    "bytes_in",
    "effect",
    "bundle",
    "outcome",
    "fault",
    "duration_us",
    "bytes_out",
    "trace",
    "generation",
    "intent",
    "subject",
    "detail",
];

impl Row {
    /// What stands in each of [`COLUMNS`].
    pub(crate) fn cells(&self) -> Result<[Cell<'_>; COLUMNS.len()], Error> {
        let (who, what, ended, context) = (&self.who, &self.what, &self.ended, &self.context);
        let nanos = self.time.as_nanosecond();
        Ok([
            int(Some(self.seq))?,
            int(Some(self.position.segment))?,
            int(Some(self.position.offset))?,
            Cell::Text(self.id.to_string().into()),
            text(Some(&self.kind)),
            Cell::Int(i64::try_from(nanos).map_err(|_| beyond())?),
            text(who.tenant.as_ref().map(TenantId::as_str)),
            text(who.pseudonym.as_deref()),
            text(who.principal.as_deref()),
            text(what.method.as_deref()),
            text(what.item_kind.as_deref()),
            text(what.item.as_deref()),
            text(what.family.as_deref()),
            text(what.module.as_deref()),
            text(what.action.as_deref()),
            int(what.bytes)?,
            text(self.decided.effect.as_deref()),
            text(self.decided.bundle.as_deref()),
            text(ended.outcome.as_deref()),
            text(ended.fault.as_deref()),
            int(ended.duration_us)?,
            int(ended.bytes)?,
            text(context.trace.as_deref()),
            int(context.generation)?,
            context
                .intent
                .map_or(Cell::Null, |id| Cell::Text(id.to_string().into())),
            text(context.subject.as_deref()),
            text(context.detail.as_deref()),
        ])
    }

    /// The first column in which two rows differ, where they do.
    pub(super) fn difference(&self, other: &Self) -> Result<Option<&'static str>, Error> {
        let (here, there) = (self.cells()?, other.cells()?);
        let mut pairs = COLUMNS.iter().zip(here.iter().zip(&there));
        let differs = pairs.find_map(|(column, (one, two))| (one != two).then_some(*column));
        let rules = (self.decided.rules != other.decided.rules).then_some("rules");
        Ok(differs.or(rules))
    }
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, |text| Cell::Text(text.into()))
}

fn int(number: Option<u64>) -> Result<Cell<'static>, Error> {
    let number = number.map(i64::try_from).transpose();
    Ok(number.map_err(|_| beyond())?.map_or(Cell::Null, Cell::Int))
}

fn beyond() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "a number is beyond what an index counts",
    )
}
