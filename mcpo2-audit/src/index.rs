//! Where the ledger is searched: an index, which follows it and can be made anew from it at any
//! time.
//!
//! Nothing rests on an index. A record is durable before an index hears of it, an index that lags
//! or is lost costs nothing but the time to read the ledger again, and [`check`] finds what
//! somebody edited in one. What an index shows is proven by the ledger alone: each row has the
//! number of its record.
//!
//! Each row belongs to a tenant or to none, and no query is made without a [`TenantScope`].
//!
//! ```
//! use mcpo2_audit::index::{Filter, Index, MemoryIndex, Query, Row, TenantScope};
//!
//! let record = serde_json::json!({
//!     "id": "01a1fbaa-0000-7000-8000-000000000000", "time": "2026-11-21T01:13:45Z",
//!     "kind": "call", "principal": { "tenant": "acme", "pseudonym": "p-7" },
//!     "end": { "outcome": "denied" },
//! });
//! let mut index = MemoryIndex::new();
//! index.apply(&[Row::from_json(0, 0, 0, &record)?])?;
//!
//! let denied = Query::new(TenantScope::One("acme".parse()?))
//!     .with(Filter::Outcome("denied".into()));
//! assert_eq!(index.query(&denied)?.rows.len(), 1);
//! let others = Query::new(TenantScope::One("other".parse()?));
//! assert!(index.query(&others)?.rows.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod column;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod filter;
mod follow;
mod indexer;
mod json;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod query;
mod row;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresIndex, PostgresOptions};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SQLITE_FILE, SqliteIndex};

pub use self::{
    error::{Error, ErrorKind},
    filter::{Filter, TenantScope},
    follow::{Checked, Difference, Progress, Source, check, reindex},
    indexer::{Indexer, Observer, Status},
    json::RowError,
    memory::MemoryIndex,
    query::{Cursor, Found, Order, Page, Query},
    row::{Context, Ending, Position, Row, Verdict, What, Who},
};

/// An index of a ledger.
///
/// What an index promises, the suite of the feature `conformance` checks. Its methods may block:
/// call them from a thread that may.
pub trait Index: Send {
    /// The number of the newest row that was applied. All rows before it were, too, where they
    /// were applied in their order.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    fn last_indexed(&self) -> Result<Option<u64>, Error>;

    /// Puts in all of these rows, or none where it fails; what [`last_indexed`](Self::last_indexed)
    /// says is written with them. A row that is there already is replaced.
    ///
    /// A row of kind `erase` takes what is personal out of all rows before it that have its
    /// subject as their pseudonym, and such rows are never given it again.
    ///
    /// # Errors
    ///
    /// Where the index cannot be written, or cannot hold a row. After an error, ask
    /// [`last_indexed`](Self::last_indexed) what came in, and apply the rest again.
    fn apply(&mut self, rows: &[Row]) -> Result<(), Error>;

    /// One page of what a query finds.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    fn query(&self, query: &Query) -> Result<Page, Error>;

    /// Rows behind this number in their order, `max` at most, as they were put in: intents and
    /// outcomes apart, and of all tenants. For checks, not for showing.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    fn rows(&self, after: Option<u64>, max: usize) -> Result<Vec<Row>, Error>;

    /// Takes out all rows, so that it can be made anew.
    ///
    /// # Errors
    ///
    /// Where the index cannot be written.
    fn clear(&mut self) -> Result<(), Error>;
}
