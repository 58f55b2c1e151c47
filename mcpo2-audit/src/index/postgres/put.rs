use std::collections::BTreeMap;

use postgres::{
    Client, Transaction,
    types::{ToSql, Type},
};

use super::{failed, number};
use crate::index::{
    Error, ErrorKind, Row,
    column::{COLUMNS, Cell},
    sql,
};

/// The columns that hold numbers.
const INTS: [&str; 8] = [
    "seq",
    "segment",
    "start",
    "time",
    "bytes_in",
    "duration_us",
    "bytes_out",
    "generation",
];

/// Puts in the rows.
pub(super) fn put(client: &mut Client, rows: &BTreeMap<u64, &Row>) -> Result<(), Error> {
    let (Some((first, _)), Some((newest, _))) = (rows.first_key_value(), rows.last_key_value())
    else {
        return Ok(());
    };
    let mut change = client.transaction().map_err(failed)?;
    let last = change
        .query_one("SELECT last_seq FROM progress FOR UPDATE", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    let again = Some(*first) <= number(last)?;
    let (first, newest) = (signed(*first)?, signed(*newest)?);
    insert(&mut change, rows)?;
    insert_rules(&mut change, rows, again)?;
    for row in rows.values() {
        if let Some(subject) = row.erases() {
            change
                .execute(&sql::erase(), &[&subject, &signed(row.seq)?])
                .map_err(failed)?;
        }
    }
    if again {
        change
            .execute(&sql::erase_again(), &[&first, &newest])
            .map_err(failed)?;
    }
    change.execute(sql::ADVANCE, &[&newest]).map_err(failed)?;
    change.commit().map_err(failed)
}

/// One statement for all, with an array for each column: rows one by one would be a round trip
/// each.
fn insert(change: &mut Transaction<'_>, rows: &BTreeMap<u64, &Row>) -> Result<(), Error> {
    let mut arrays: Vec<_> = COLUMNS
        .map(|name| match INTS.contains(&name) {
            true => Array::Ints(Vec::with_capacity(rows.len())),
            false => Array::Texts(Vec::with_capacity(rows.len())),
        })
        .into();
    for row in rows.values() {
        for (array, cell) in arrays.iter_mut().zip(row.cells()?) {
            array.push(cell);
        }
    }
    let types: Vec<_> = arrays.iter().map(Array::sql_type).collect();
    let places: Vec<_> = (1..)
        .zip(&types)
        .map(|(at, kind)| format!("${at}::{kind}[]"))
        .collect();
    let text = format!(
        "INSERT INTO entry ({}) SELECT * FROM unnest({}) {}",
        sql::columns(""),
        places.join(", "),
        sql::or_replace(),
    );
    let values: Vec<_> = arrays.iter().map(Array::value).collect();
    change.execute(&text, &values).map_err(failed)?;
    Ok(())
}

fn insert_rules(
    change: &mut Transaction<'_>,
    rows: &BTreeMap<u64, &Row>,
    again: bool,
) -> Result<(), Error> {
    if again {
        let seqs: Vec<_> = rows
            .keys()
            .map(|seq| signed(*seq))
            .collect::<Result<_, _>>()?;
        change
            .execute("DELETE FROM entry_rule WHERE seq = ANY($1)", &[&seqs])
            .map_err(failed)?;
    }
    let (mut seqs, mut places, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.values() {
        for (place, rule) in (0_i64..).zip(&row.decided.rules) {
            seqs.push(signed(row.seq)?);
            places.push(place);
            rules.push(&**rule);
        }
    }
    let text = "INSERT INTO entry_rule (seq, place, rule) \
                SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[])";
    change
        .execute(text, &[&seqs, &places, &rules])
        .map_err(failed)?;
    Ok(())
}

/// One column of all rows.
enum Array<'a> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<std::borrow::Cow<'a, str>>>),
}

impl<'a> Array<'a> {
    /// INVARIANT: the cell is of the column, so numbers never meet texts.
    fn push(&mut self, cell: Cell<'a>) {
        match (self, cell) {
            (Self::Ints(ints), Cell::Int(number)) => ints.push(Some(number)),
            (Self::Ints(ints), _) => ints.push(None),
            (Self::Texts(texts), Cell::Text(text)) => texts.push(Some(text)),
            (Self::Texts(texts), _) => texts.push(None),
        }
    }

    fn sql_type(&self) -> Type {
        match self {
            Self::Ints(_) => Type::INT8,
            Self::Texts(_) => Type::TEXT,
        }
    }

    fn value(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Ints(ints) => ints,
            Self::Texts(texts) => texts,
        }
    }
}

fn signed(seq: u64) -> Result<i64, Error> {
    i64::try_from(seq).map_err(|_| Error::new(ErrorKind::Invalid, "a number is too large"))
}
