use rusqlite::{Transaction, params_from_iter};

use super::{failed, last_indexed};
use crate::index::{Error, Row, column::COLUMNS, sql};

/// Puts in the rows, and says whether one of them erases.
pub(super) fn put(change: &Transaction<'_>, rows: &[Row]) -> Result<bool, Error> {
    let last = last_indexed(change)?;
    let places: Vec<_> = (1..=COLUMNS.len()).map(|at| format!("${at}")).collect();
    let (columns, places, replace) = (sql::columns(""), places.join(", "), sql::or_replace());
    let insert = format!("INSERT INTO entry ({columns}) VALUES ({places}) {replace}");
    let mut insert = change.prepare_cached(&insert).map_err(failed)?;
    let mut forget = change
        .prepare_cached("DELETE FROM entry_rule WHERE seq = $1")
        .map_err(failed)?;
    let mut rule = change
        .prepare_cached("INSERT INTO entry_rule (seq, place, rule) VALUES ($1, $2, $3)")
        .map_err(failed)?;
    let mut newest = last;
    for row in rows {
        insert
            .execute(params_from_iter(row.cells()?))
            .map_err(failed)?;
        if Some(row.seq) <= newest {
            forget.execute([row.seq]).map_err(failed)?;
        }
        newest = newest.max(Some(row.seq));
        for (place, name) in row.decided.rules.iter().enumerate() {
            rule.execute((row.seq, place, name)).map_err(failed)?;
        }
    }
    let mut erases = false;
    for row in rows {
        if let Some(subject) = row.erases() {
            change
                .execute(&sql::erase(), (subject, row.seq))
                .map_err(failed)?;
            erases = true;
        }
    }
    let first = rows.iter().map(|row| row.seq).min();
    if first <= last {
        change
            .execute(&sql::erase_again(), (first, newest))
            .map_err(failed)?;
    }
    change.execute(sql::ADVANCE, [newest]).map_err(failed)?;
    Ok(erases)
}
