//! Statements that SQLite and PostgreSQL read alike. Both number parameters as `$1`.

use std::fmt::Write as _;

use mcpo2_core::TenantId;

use super::{
    Cursor, Filter, Order, Query, TenantScope,
    column::{COLUMNS, Cell},
    json::clean,
    row::PERSONAL_ITEMS,
};

/// A statement and the values of its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<Cell<'static>>,
}

/// What a query asks for: the columns of each row, and then those of its outcome.
///
/// INVARIANT: it finds what [`Query::finds`] does; the conformance suite compares the two.
pub(super) fn select(query: &Query) -> Statement {
    let mut sql = Statement {
        text: format!(
            "SELECT {}, {} FROM entry e LEFT JOIN entry o ON e.kind = 'intent' AND o.seq = \
             (SELECT min(x.seq) FROM entry x WHERE x.kind = 'outcome' AND x.intent = e.id) \
             WHERE (e.kind <> 'outcome' OR NOT EXISTS \
             (SELECT 1 FROM entry i WHERE i.kind = 'intent' AND i.id = e.intent))",
            columns("e."),
            columns("o."),
        ),
        values: Vec::new(),
    };
    if let TenantScope::One(tenant) = &query.scope {
        sql.and(
            "e.tenant = ",
            Cell::Text(TenantId::as_str(tenant).to_owned().into()),
        );
    }
    for filter in &query.filters {
        sql.filter(filter);
    }
    let (operator, order) = match query.order {
        Order::Newest => ("e.seq < ", "DESC"),
        Order::Oldest => ("e.seq > ", "ASC"),
    };
    if let Some(cursor) = query.behind {
        sql.and(operator, seq(cursor));
    }
    // Writing to a String cannot fail.
    let _ = write!(
        sql.text,
        " ORDER BY e.seq {order} LIMIT {}",
        query.limit.saturating_add(1)
    );
    sql
}

/// Rows as they were put in, behind `$1` in their order, `$2` of them.
pub(super) fn raw() -> String {
    let columns = columns("");
    format!("SELECT {columns} FROM entry WHERE seq > $1 ORDER BY seq LIMIT $2")
}

/// The rules of these rows.
pub(super) fn rules(seqs: impl IntoIterator<Item = u64>) -> String {
    let seqs: Vec<_> = seqs.into_iter().map(|seq| seq.to_string()).collect();
    let seqs = seqs.join(",");
    format!("SELECT seq, rule FROM entry_rule WHERE seq IN ({seqs}) ORDER BY seq, place")
}

/// The end of an insert, which makes it replace what is there.
pub(super) fn or_replace() -> String {
    let set = COLUMNS
        .iter()
        .skip(1)
        .map(|name| format!("{name} = excluded.{name}"));
    let set: Vec<_> = set.collect();
    format!("ON CONFLICT (seq) DO UPDATE SET {}", set.join(", "))
}

/// Notes that the row `$1` is in.
pub(super) const ADVANCE: &str =
    "UPDATE progress SET last_seq = $1 WHERE last_seq IS NULL OR last_seq < $1";

/// Takes what is personal of the pseudonym `$1` out of the rows before `$2`.
pub(super) fn erase() -> String {
    format!("{} WHERE pseudonym = $1 AND seq < $2", erased())
}

/// Takes what was erased out of the rows from `$1` to `$2` again.
pub(super) fn erase_again() -> String {
    format!(
        "{} WHERE seq >= $1 AND seq <= $2 AND EXISTS (SELECT 1 FROM entry x WHERE \
         x.kind = 'erase' AND x.subject = entry.pseudonym AND x.seq > entry.seq)",
        erased(),
    )
}

fn erased() -> String {
    let kinds = PERSONAL_ITEMS.map(|kind| format!("'{kind}'")).join(", ");
    format!(
        "UPDATE entry SET principal = NULL, \
         item = CASE WHEN item_kind IN ({kinds}) THEN NULL ELSE item END"
    )
}

/// The names of the columns behind this prefix.
pub(super) fn columns(prefix: &str) -> String {
    COLUMNS.map(|name| format!("{prefix}{name}")).join(", ")
}

fn seq(cursor: Cursor) -> Cell<'static> {
    Cell::Int(i64::try_from(cursor.seq()).unwrap_or(i64::MAX))
}

impl Statement {
    fn bind(&mut self, value: Cell<'static>) -> usize {
        self.values.push(value);
        self.values.len()
    }

    fn and(&mut self, condition: &str, value: Cell<'static>) {
        let at = self.bind(value);
        let _ = write!(self.text, " AND {condition}${at}");
    }

    fn and_text(&mut self, condition: &str, text: &str) {
        self.and(condition, Cell::Text(clean(text).into_string().into()));
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::From(time) => self.and("e.time >= ", nanos(*time)),
            Filter::Until(time) => self.and("e.time < ", nanos(*time)),
            Filter::Principal(who) => {
                let at = self.bind(Cell::Text(clean(who).into_string().into()));
                let _ = write!(
                    self.text,
                    " AND (e.pseudonym = ${at} OR e.principal = ${at})"
                );
            }
            Filter::Method(method) => self.and_text("e.method = ", method),
            Filter::Item(item) => self.and_text("e.item = ", item),
            Filter::Module(module) => self.and_text("coalesce(e.module, o.module) = ", module),
            Filter::Family(family) => self.and_text("coalesce(e.family, o.family) = ", family),
            Filter::Effect(effect) => self.and_text("coalesce(e.effect, o.effect) = ", effect),
            Filter::Outcome(outcome) => self.and_text(
                "CASE WHEN o.seq IS NOT NULL THEN o.outcome WHEN e.outcome IS NOT NULL \
                 THEN e.outcome WHEN e.kind = 'intent' THEN 'pending' END = ",
                outcome,
            ),
            Filter::Rule(rule) => {
                let at = self.bind(Cell::Text(clean(rule).into_string().into()));
                let _ = write!(
                    self.text,
                    " AND EXISTS (SELECT 1 FROM entry_rule r WHERE r.rule = ${at} \
                     AND r.seq IN (e.seq, o.seq))"
                );
            }
            Filter::Bundle(bundle) => self.and_text("coalesce(e.bundle, o.bundle) = ", bundle),
            Filter::Trace(trace) => self.and_text("e.trace = ", trace),
            Filter::Kind(kind) => self.and_text("e.kind = ", kind),
        }
    }
}

fn nanos(time: jiff::Timestamp) -> Cell<'static> {
    let nanos = time.as_nanosecond();
    let past = if nanos < 0 { i64::MIN } else { i64::MAX };
    Cell::Int(i64::try_from(nanos).unwrap_or(past))
}
