use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, ToSql, TransactionBehavior, params_from_iter,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{
    Error, ErrorKind, Found, Index, Page, Query, Row,
    column::{COLUMNS, Cell, Reader},
    sql,
};

mod put;
mod schema;

/// The name of the file beside a ledger.
pub const SQLITE_FILE: &str = "index.sqlite";

/// How long it waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);

/// An index in a file, by SQLite.
///
/// It may be opened more than once: one that writes disturbs none that read. Others of the owner
/// only can read the file. What the operating system had not written when power failed is applied
/// again.
#[derive(Debug)]
pub struct SqliteIndex {
    connection: Connection,
    /// Whether what was erased may still be in the file beside the file.
    owes_checkpoint: bool,
}

impl SqliteIndex {
    /// Opens the index in this file, which is made where there is none.
    ///
    /// `ledger` is the origin of the ledger. It is written down the first time.
    ///
    /// # Errors
    ///
    /// Where the file cannot be opened, or is no index of this ledger. An index that is
    /// [`Damaged`](ErrorKind::Damaged), or that of [`OtherLedger`](ErrorKind::OtherLedger), can
    /// be [removed](Self::remove) and made anew.
    pub fn open(path: impl AsRef<Path>, ledger: &str) -> Result<Self, Error> {
        let path = path.as_ref();
        private(path).map_err(|error| {
            let message = format!("cannot open {}", path.display());
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                 PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;",
            )
            .map_err(failed)?;
        schema::migrate(&mut connection, ledger)?;
        Ok(Self {
            connection,
            // Whoever erased last may have ended before it was done.
            owes_checkpoint: true,
        })
    }

    /// Removes the index in this file, where there is one.
    ///
    /// # Errors
    ///
    /// Where the file system refuses it.
    pub fn remove(path: impl AsRef<Path>) -> io::Result<()> {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_ref().as_os_str().to_owned();
            name.push(suffix);
            match fs::remove_file(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Empties the write-ahead log. Where a reader hinders it, the next batch tries again.
    fn checkpoint(&mut self) {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy = self
            .connection
            .query_row(checkpoint, [], |row| row.get::<_, i64>(0));
        self.owes_checkpoint = busy != Ok(0);
    }

    /// The rows of a statement whose columns are those of a row, once or twice.
    fn fetch(&self, text: &str, values: &[Cell<'_>]) -> Result<Vec<(Row, Option<Row>)>, Error> {
        let mut statement = self.connection.prepare_cached(text).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let count = row.as_ref().column_count();
            let mut cells = Reader((0..count).map(|at| cell(row, at)));
            let Some(first) = cells.row()? else { continue };
            let second = match count > COLUMNS.len() {
                true => cells.row()?,
                false => None,
            };
            found.push((first, second));
        }
        Ok(found)
    }

    /// Gives these rows their rules.
    fn add_rules<'a>(&self, rows: impl Iterator<Item = &'a mut Row>) -> Result<(), Error> {
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| row.seq);
        let text = sql::rules(rows.iter().map(|row| row.seq));
        let mut statement = self.connection.prepare(&text).map_err(failed)?;
        let mut rules = statement.query([]).map_err(failed)?;
        while let Some(rule) = rules.next().map_err(failed)? {
            let (seq, rule): (u64, Box<str>) =
                (rule.get(0).map_err(failed)?, rule.get(1).map_err(failed)?);
            let at = rows.binary_search_by_key(&seq, |row| row.seq);
            if let Some(row) = at.ok().and_then(|at| rows.get_mut(at)) {
                row.decided.rules.push(rule);
            }
        }
        Ok(())
    }
}

impl Index for SqliteIndex {
    fn last_indexed(&self) -> Result<Option<u64>, Error> {
        last_indexed(&self.connection)
    }

    fn apply(&mut self, rows: &[Row]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let erases = put::put(&change, rows)?;
        change.commit().map_err(failed)?;
        self.owes_checkpoint |= erases;
        if self.owes_checkpoint {
            self.checkpoint();
        }
        Ok(())
    }

    fn query(&self, query: &Query) -> Result<Page, Error> {
        let sql::Statement { text, values } = sql::select(query);
        let mut found = self.fetch(&text, &values)?;
        let rows = found.iter_mut();
        self.add_rules(rows.flat_map(|(row, outcome)| std::iter::once(row).chain(outcome)))?;
        let found = found.into_iter();
        Ok(query.page(
            found
                .map(|(row, outcome)| Found::new(row, outcome))
                .collect(),
        ))
    }

    fn rows(&self, after: Option<u64>, max: usize) -> Result<Vec<Row>, Error> {
        let after = after.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let found = self.fetch(&sql::raw(), &[Cell::Int(after), Cell::Int(max)])?;
        let mut rows: Vec<_> = found.into_iter().map(|(row, _)| row).collect();
        self.add_rules(rows.iter_mut())?;
        Ok(rows)
    }

    fn clear(&mut self) -> Result<(), Error> {
        let change = self.connection.transaction().map_err(failed)?;
        change
            .execute_batch(
                "DELETE FROM entry; DELETE FROM entry_rule; UPDATE progress SET last_seq = NULL",
            )
            .map_err(failed)?;
        change.commit().map_err(failed)
    }
}

fn last_indexed(connection: &Connection) -> Result<Option<u64>, Error> {
    connection
        .query_row("SELECT last_seq FROM progress", [], |row| row.get(0))
        .map_err(failed)
}

fn cell(row: &rusqlite::Row<'_>, at: usize) -> Result<Cell<'static>, Error> {
    match row.get(at).map_err(failed)? {
        Value::Null => Ok(Cell::Null),
        Value::Integer(number) => Ok(Cell::Int(number)),
        Value::Text(text) => Ok(Cell::Text(text.into())),
        _ => Err(Error::new(
            ErrorKind::Damaged,
            "a column holds what it cannot",
        )),
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// Makes the file one that its owner alone reads, before anything is in it.
fn private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

fn failed(error: rusqlite::Error) -> Error {
    let damaged = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    let damaged = damaged
        || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
        );
    match damaged {
        true => Error::new(ErrorKind::Damaged, "the index is damaged"),
        false => Error::new(ErrorKind::Unavailable, "the index cannot be used now"),
    }
    .with_source(error)
}
