//! What every [`Index`] promises, for those who write one to run.
//!
//! ```
//! use mcpo2_audit::{conformance, index::MemoryIndex};
//!
//! let index = MemoryIndex::new();
//! conformance::check(|| index.clone(), 16)?;
//! # Ok::<(), conformance::Broken>(())
//! ```
//!
//! What happens when the machine stops in the middle of a batch, it cannot try: that is for tests
//! of each index.

use std::fmt;

use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::{Cursor, Error, Found, Index, MemoryIndex, Order, Query, Row, TenantScope};

mod story;

use story::{Story, stories};

/// A promise that an index does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(String);

impl Broken {
    pub(crate) fn new(law: &str, detail: impl fmt::Debug) -> Self {
        Self(format!("{law}: {detail:?}"))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::new("an index in order does not fail", error)
    }
}

/// Whether an index keeps what all of them promise, over so many stories of random rows and
/// queries. Each story is told to an index that was cleared.
///
/// `open` opens the index, each time the same, as a process that starts would.
///
/// # Errors
///
/// The first promise that is [`Broken`], with the shortest story that shows it.
pub fn check<I: Index>(open: impl Fn() -> I, stories: u32) -> Result<(), Broken> {
    let config = Config {
        cases: stories,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let told = TestRunner::new(config).run(&self::stories(), |story| {
        let kept = tell(&open, &story);
        kept.map_err(|broken| TestCaseError::fail(broken.0))
    });
    told.map_err(|broken| Broken(broken.to_string()))
}

fn tell<I: Index>(open: &impl Fn() -> I, story: &Story) -> Result<(), Broken> {
    let (mut index, mut reference) = (open(), MemoryIndex::new());
    index.clear()?;
    holds(
        index.last_indexed()?.is_none() && index.rows(None, 1)?.is_empty(),
        "an index that was cleared is empty",
        story,
    )?;
    let half = story.batches.len().div_ceil(2);
    for batch in story.batches.iter().take(half) {
        index.apply(batch)?;
        reference.apply(batch)?;
    }
    let begun = begin_pages(&index, story)?;
    for batch in story.batches.iter().skip(half) {
        index.apply(batch)?;
        reference.apply(batch)?;
    }
    pages_stay_in_place(&index, begun)?;
    is_as(&index, &reference, story)?;
    takes_all_or_nothing(&mut index, &reference)?;
    for batch in story.again.iter().filter_map(|at| story.batches.get(*at)) {
        index.apply(batch)?;
        reference.apply(batch)?;
    }
    is_as(&index, &reference, story)?;
    drop(index);
    is_as(&open(), &reference, story)
}

/// It holds what the reference holds, and answers as that does.
fn is_as(index: &impl Index, reference: &MemoryIndex, story: &Story) -> Result<(), Broken> {
    let (held, wanted) = (index.rows(None, 1000)?, reference.rows(None, 1000)?);
    holds(
        held == wanted,
        "an index holds what was put in",
        (&held, &wanted),
    )?;
    let (last, wanted) = (index.last_indexed()?, reference.last_indexed()?);
    holds(
        last == wanted,
        "an index knows its last row",
        (last, wanted),
    )?;
    for query in &story.queries {
        let (found, wanted) = (all(index, query)?, all(reference, query)?);
        holds(
            found == wanted,
            "an index finds what it should",
            (query, &found, &wanted),
        )?;
        if let TenantScope::One(tenant) = &query.scope {
            let own = |it: &Found| it.row.who.tenant.as_ref() == Some(tenant);
            holds(
                found.iter().all(own),
                "no tenant sees another's row",
                (query, &found),
            )?;
        }
    }
    Ok(())
}

/// All rows of a query, page by page.
fn all(index: &impl Index, query: &Query) -> Result<Vec<Found>, Broken> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = index.query(&query)?;
        holds(
            page.rows.len() <= query.limit,
            "a page is as long as it may be",
            &query,
        )?;
        found.extend(page.rows);
        let Some(next) = page.next else {
            return Ok(found);
        };
        let ends = found.len() <= 1000;
        holds(ends, "a cursor leads on", &query)?;
        query = query.with_cursor(next);
    }
}

/// What is left of a query whose first page was read: the numbers that it had, and the rest.
struct Begun {
    query: Query,
    seen: Vec<u64>,
    next: Option<Cursor>,
    /// What all pages had, had all been read at once.
    whole: Vec<u64>,
}

fn begin_pages(index: &impl Index, story: &Story) -> Result<Vec<Begun>, Broken> {
    let scopes = story.queries.iter().map(|query| &query.scope);
    let orders = [Order::Newest, Order::Oldest];
    let begin = |scope: &TenantScope, order| {
        let query = Query::new(scope.clone()).with_order(order).with_limit(3);
        let page = index.query(&query)?;
        Ok(Begun {
            seen: seqs(&page.rows),
            next: page.next,
            whole: seqs(&all(index, &query)?),
            query,
        })
    };
    scopes
        .flat_map(|scope| orders.map(|order| begin(scope, order)))
        .collect()
}

fn pages_stay_in_place(index: &impl Index, begun: Vec<Begun>) -> Result<(), Broken> {
    for Begun {
        query,
        mut seen,
        next,
        whole,
    } in begun
    {
        let Some(next) = next else { continue };
        let rest = all(index, &query.clone().with_cursor(next))?;
        seen.extend(seqs(&rest));
        let wanted = match query.order {
            Order::Newest => whole,
            Order::Oldest => seqs(&all(index, &query)?),
        };
        let law = "pages stay in place while rows are added";
        holds(seen == wanted, law, (query, seen, wanted))?;
    }
    Ok(())
}

/// A batch with a row that no index can hold leaves no trace.
fn takes_all_or_nothing(index: &mut impl Index, reference: &MemoryIndex) -> Result<(), Broken> {
    let good = story::row(1 << 40);
    let bad = Row {
        seq: u64::MAX,
        ..good.clone()
    };
    let law = "a batch goes in as a whole or not at all";
    holds(
        index.apply(&[good, bad]).is_err(),
        law,
        "it took what it cannot hold",
    )?;
    let (held, wanted) = (index.rows(None, 1000)?, reference.rows(None, 1000)?);
    holds(held == wanted, law, (held, wanted))?;
    let (last, wanted) = (index.last_indexed()?, reference.last_indexed()?);
    holds(last == wanted, law, (last, wanted))
}

fn seqs(found: &[Found]) -> Vec<u64> {
    found.iter().map(|found| found.row.seq).collect()
}

fn holds(is_so: bool, law: &str, detail: impl fmt::Debug) -> Result<(), Broken> {
    match is_so {
        true => Ok(()),
        false => Err(Broken::new(law, detail)),
    }
}
