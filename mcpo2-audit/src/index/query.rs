use std::{fmt, num::ParseIntError, str::FromStr};

use super::{Filter, Row, TenantScope};

/// In which order rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// Where the next page begins. It stays good while rows are added.
///
/// ```
/// use mcpo2_audit::index::Cursor;
/// let cursor: Cursor = "17".parse()?;
/// assert_eq!(cursor.to_string(), "17");
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(u64);

impl Cursor {
    /// Behind the row of this number, in either order.
    #[must_use]
    pub fn behind(seq: u64) -> Self {
        Self(seq)
    }

    /// The number of the record behind which it begins.
    #[must_use]
    pub fn seq(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// What is asked of an index.
///
/// ```
/// use mcpo2_audit::index::{Filter, Query, TenantScope};
/// let query = Query::new(TenantScope::One("acme".parse()?))
///     .with(Filter::Effect("deny".into()))
///     .with_limit(20);
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(super) scope: TenantScope,
    pub(super) filters: Vec<Filter>,
    pub(super) order: Order,
    pub(super) behind: Option<Cursor>,
    pub(super) limit: usize,
}

impl Query {
    /// The most rows that a page may have.
    pub const MOST: usize = 1000;

    /// All rows of the scope, the newest first, a hundred a page.
    #[must_use]
    pub fn new(scope: TenantScope) -> Self {
        Self {
            scope,
            filters: Vec::new(),
            order: Order::Newest,
            behind: None,
            limit: 100,
        }
    }

    /// The same, of rows that this filter finds as well.
    #[must_use]
    pub fn with(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// The same in this order.
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The same from the page that this cursor begins.
    #[must_use]
    pub fn with_cursor(mut self, cursor: Cursor) -> Self {
        self.behind = Some(cursor);
        self
    }

    /// The same with pages of so many rows: at least one, and at most [`Query::MOST`].
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit.clamp(1, Self::MOST);
        self
    }

    /// Whether this row belongs to the answer, whatever the page is.
    pub(super) fn finds(&self, found: &Found) -> bool {
        self.scope.covers(&found.row) && self.filters.iter().all(|filter| filter.finds(found))
    }

    /// Whether the row of this number is on this page or on a later one.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        self.behind.is_none_or(|cursor| match self.order {
            Order::Newest => seq < cursor.seq(),
            Order::Oldest => seq > cursor.seq(),
        })
    }

    /// The page of these rows, of which there is one more than belongs to it where another follows.
    pub(super) fn page(&self, mut rows: Vec<Found>) -> Page {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| more);
        let next = last.map(|found| Cursor(found.row.seq));
        Page { rows, next }
    }
}

/// A row that a query found: a record, or an intent with the outcome that closed it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The row. Of an intent, it has what its outcome added.
    pub row: Row,
    /// The number of the outcome that closed it.
    pub closed_by: Option<u64>,
}

impl Found {
    pub(super) fn new(row: Row, outcome: Option<Row>) -> Self {
        let closed_by = outcome.as_ref().map(|outcome| outcome.seq);
        Self {
            row: match outcome {
                Some(outcome) => row.closed_by(outcome),
                None => row,
            },
            closed_by,
        }
    }

    /// How it ended: `pending` where it is an intent whose outcome is not in the index yet. One
    /// whose outcome nobody will ever know is closed as `unknown` when the ledger is recovered.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        let pending = self.row.is_intent() && self.closed_by.is_none();
        let ended = self.row.ended.outcome.as_deref();
        ended.or_else(|| pending.then_some("pending"))
    }
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The rows, in the order that was asked for.
    pub rows: Vec<Found>,
    /// Where the next page begins; none where nothing follows.
    pub next: Option<Cursor>,
}
