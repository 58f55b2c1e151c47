use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use postgres::{
    Client,
    types::{ToSql, Type},
};

use super::{
    Error, ErrorKind, Found, Index, Page, Query, Row,
    column::{COLUMNS, Cell, Reader},
    sql,
};

mod connect;
mod put;
mod schema;
mod tls;

use self::connect::Link;
pub use self::connect::PostgresOptions;

/// An index in PostgreSQL (15 is tested): for those who search there, and for nothing else.
///
/// Its schema has the views `tool_calls` and `audit_events` for others to read. A connection that
/// is lost is made anew, after a pause that grows to 5 s.
///
/// What is erased is gone from its tables, but PostgreSQL keeps old rows until it vacuums, and old
/// pages in its log and backups: how long is the operator's to say.
///
/// It blocks, and has a small runtime of its own inside: it must not be used, nor dropped, on a
/// thread that runs asynchronous tasks.
pub struct PostgresIndex {
    link: Mutex<Link>,
}

impl PostgresIndex {
    /// Connects, and makes the schema where it is missing or old.
    ///
    /// # Errors
    ///
    /// Where PostgreSQL cannot be reached, or the schema is no index of this ledger.
    pub fn open(options: PostgresOptions) -> Result<Self, Error> {
        let link = Mutex::new(Link::open(options)?);
        Ok(Self { link })
    }

    /// The same, but connects when it is first used, which fails until PostgreSQL can be reached.
    #[must_use]
    pub fn new(options: PostgresOptions) -> Self {
        let link = Mutex::new(Link::new(options));
        Self { link }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PostgresIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresIndex").finish_non_exhaustive()
    }
}

impl Index for PostgresIndex {
    fn last_indexed(&self) -> Result<Option<u64>, Error> {
        self.link().run(|client| {
            let last = client.query_one("SELECT last_seq FROM progress", &[]);
            number(last.and_then(|row| row.try_get(0)).map_err(failed)?)
        })
    }

    fn apply(&mut self, rows: &[Row]) -> Result<(), Error> {
        // Of rows with one number the last counts.
        let rows: BTreeMap<_, _> = rows.iter().map(|row| (row.seq, row)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.link().run(|client| put::put(client, &rows))
    }

    fn query(&self, query: &Query) -> Result<Page, Error> {
        let sql::Statement { text, values } = sql::select(query);
        self.link().run(|client| {
            let mut found = fetch(client, &text, &values)?;
            let rows = found.iter_mut();
            let rows = rows.flat_map(|(row, outcome)| std::iter::once(row).chain(outcome));
            add_rules(client, rows)?;
            let found = found.into_iter();
            let found = found.map(|(row, outcome)| Found::new(row, outcome));
            Ok(query.page(found.collect()))
        })
    }

    fn rows(&self, after: Option<u64>, max: usize) -> Result<Vec<Row>, Error> {
        let after = after.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.link().run(|client| {
            let found = fetch(client, &sql::raw(), &[Cell::Int(after), Cell::Int(max)])?;
            let mut rows: Vec<_> = found.into_iter().map(|(row, _)| row).collect();
            add_rules(client, rows.iter_mut())?;
            Ok(rows)
        })
    }

    fn clear(&mut self) -> Result<(), Error> {
        self.link().run(|client| {
            let clear = "BEGIN; TRUNCATE entry, entry_rule; \
                         UPDATE progress SET last_seq = NULL; COMMIT";
            client.batch_execute(clear).map_err(failed)
        })
    }
}

type Joined = Vec<(Row, Option<Row>)>;

/// The rows of a statement whose columns are those of a row, once or twice.
fn fetch(client: &mut Client, text: &str, values: &[Cell<'_>]) -> Result<Joined, Error> {
    let values: Vec<Box<dyn ToSql + Sync>> = values.iter().map(value).collect();
    let values: Vec<_> = values.iter().map(|value| &**value).collect();
    let rows = client.query(text, &values).map_err(failed)?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells = Reader((0..row.len()).map(|at| cell(&row, at)));
        let Some(first) = cells.row()? else { continue };
        let second = match row.len() > COLUMNS.len() {
            true => cells.row()?,
            false => None,
        };
        found.push((first, second));
    }
    Ok(found)
}

/// Gives these rows their rules.
fn add_rules<'a>(
    client: &mut Client,
    rows: impl Iterator<Item = &'a mut Row>,
) -> Result<(), Error> {
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|row| row.seq);
    let text = sql::rules(rows.iter().map(|row| row.seq));
    for rule in client.query(&text, &[]).map_err(failed)? {
        let seq = number(rule.try_get(0).map_err(failed)?)?;
        let rule: &str = rule.try_get(1).map_err(failed)?;
        let at = rows.binary_search_by_key(&seq, |row| Some(row.seq));
        if let Some(row) = at.ok().and_then(|at| rows.get_mut(at)) {
            row.decided.rules.push(rule.into());
        }
    }
    Ok(())
}

fn value(cell: &Cell<'_>) -> Box<dyn ToSql + Sync> {
    match cell {
        Cell::Null => Box::new(None::<String>),
        Cell::Int(number) => Box::new(*number),
        Cell::Text(text) => Box::new(text.clone().into_owned()),
    }
}

fn cell(row: &postgres::Row, at: usize) -> Result<Cell<'static>, Error> {
    let is_int = row
        .columns()
        .get(at)
        .is_some_and(|it| *it.type_() == Type::INT8);
    let cell = match is_int {
        true => row
            .try_get::<_, Option<i64>>(at)
            .map(|it| it.map(Cell::Int)),
        false => row
            .try_get::<_, Option<String>>(at)
            .map(|it| it.map(|text| Cell::Text(text.into()))),
    };
    Ok(cell.map_err(failed)?.unwrap_or(Cell::Null))
}

fn number(number: Option<i64>) -> Result<Option<u64>, Error> {
    let number = number.map(u64::try_from).transpose();
    number.map_err(|_| Error::new(ErrorKind::Damaged, "a column holds what it cannot"))
}

fn failed(error: postgres::Error) -> Error {
    use postgres::error::SqlState;
    let kind = match error.code() {
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => ErrorKind::Damaged,
        Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER) => {
            ErrorKind::Invalid
        }
        _ => ErrorKind::Unavailable,
    };
    let message = match kind {
        ErrorKind::Damaged => "the index is damaged",
        ErrorKind::Invalid => "the index cannot hold this",
        _ => "the index cannot be used now",
    };
    Error::new(kind, message).with_source(error)
}
