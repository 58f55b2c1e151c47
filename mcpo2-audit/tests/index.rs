//! How an index follows its ledger, and how it is compared with it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{sync::mpsc, time::Duration};

use mcpo2_audit::index::{
    Difference, Error, ErrorKind, Filter, Index, Indexer, MemoryIndex, Page, Query, Row,
    TenantScope, check, reindex,
};
use mcpo2_core::BoxError;
use proptest::prelude::*;

mod support;

use support::{Rows, row, rows};

const LONG: Duration = Duration::from_secs(60);

/// An index that fails two times of three: once before it has taken the rows, once behind that.
#[derive(Debug, Clone, Default)]
struct Failing(MemoryIndex, u32);

impl Index for Failing {
    fn last_indexed(&self) -> Result<Option<u64>, Error> {
        self.0.last_indexed()
    }

    fn apply(&mut self, rows: &[Row]) -> Result<(), Error> {
        self.1 += 1;
        if self.1 % 3 != 1 {
            self.0.apply(rows)?;
        }
        match self.1 % 3 {
            0 => Ok(()),
            _ => Err(Error::new(ErrorKind::Unavailable, "not now")),
        }
    }

    fn query(&self, query: &Query) -> Result<Page, Error> {
        self.0.query(query)
    }

    fn rows(&self, after: Option<u64>, max: usize) -> Result<Vec<Row>, Error> {
        self.0.rows(after, max)
    }

    fn clear(&mut self) -> Result<(), Error> {
        self.0.clear()
    }
}

#[test]
fn an_indexer_catches_up_and_goes_on_when_rows_come() {
    let (index, ledger) = (MemoryIndex::new(), Rows::new(0..2500));
    let indexer = Indexer::spawn(Box::new(index.clone()), ledger.clone()).unwrap();
    assert!(indexer.wait_for(2499, LONG));
    ledger.push(row(2500));
    assert!(indexer.wait_for(2500, LONG));
    let status = indexer.status();
    assert_eq!((status.last, status.rows), (Some(2500), 2501));
    assert_eq!((status.behind(), status.error), (Some(0), None));
    assert!(!indexer.wait_for(2501, Duration::ZERO));
    let stopped = indexer.stop().unwrap();
    assert_eq!(stopped.last_indexed().unwrap(), Some(2500));
    assert_eq!(index.rows(None, 3000).unwrap(), rows(0..2501));
}

#[test]
fn what_an_index_refuses_is_tried_again_and_nothing_is_lost() {
    let index = MemoryIndex::new();
    let failing = Failing(index.clone(), 0);
    let indexer = Indexer::spawn(Box::new(failing), Rows::new(0..1100)).unwrap();
    assert!(indexer.wait_for(1099, LONG));
    drop(indexer);
    assert_eq!(index.rows(None, 2000).unwrap(), rows(0..1100));
}

#[test]
fn a_ledger_that_cannot_be_read_is_said_and_read_again() {
    let (mut ledger, mut reads) = (Rows::new(0..10), 0);
    let source = move |after, max| {
        reads += 1;
        match reads {
            1 => Err(BoxError::from("no such file")),
            _ => mcpo2_audit::index::Source::next_after(&mut ledger, after, max),
        }
    };
    let indexer = Indexer::spawn(Box::new(MemoryIndex::new()), source).unwrap();
    assert!(indexer.wait_for(9, LONG));
    assert_eq!(
        (indexer.status().failures, indexer.status().behind()),
        (0, None)
    );
}

#[test]
fn a_source_that_goes_back_stops_a_pass() {
    let mut source = |_, _| Ok(rows(3..5));
    let error = reindex(&mut MemoryIndex::new(), &mut source, drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
}

#[test]
fn an_index_is_made_anew_from_its_ledger() {
    let mut index = MemoryIndex::new();
    index.apply(&rows(5000..5100)).unwrap();
    let mut said = Vec::new();
    let made = reindex(&mut index, &mut Rows::new(0..2100), |it| said.push(it.rows)).unwrap();
    assert_eq!((made, said), (2100, vec![1000, 2000, 2100]));
    let checked = check(&index, &mut Rows::new(0..2100), drop).unwrap();
    assert_eq!((checked.rows, checked.difference), (2100, None));
}

/// An index that says on which thread it was dropped, and that waits before it takes rows.
struct Slow {
    may_apply: mpsc::Receiver<()>,
    dropped: mpsc::Sender<Option<String>>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        let thread = std::thread::current().name().map(str::to_owned);
        self.dropped.send(thread).unwrap();
    }
}

impl Index for Slow {
    fn last_indexed(&self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    fn apply(&mut self, _: &[Row]) -> Result<(), Error> {
        self.may_apply.recv().unwrap();
        Err(Error::new(ErrorKind::Unavailable, "not now"))
    }

    fn query(&self, _: &Query) -> Result<Page, Error> {
        Err(Error::new(ErrorKind::Unavailable, "not now"))
    }

    fn rows(&self, _: Option<u64>, _: usize) -> Result<Vec<Row>, Error> {
        Err(Error::new(ErrorKind::Unavailable, "not now"))
    }

    fn clear(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn an_indexer_is_left_while_its_index_does_not_answer() {
    let (allow, may_apply) = mpsc::channel();
    let (dropped, was_dropped) = mpsc::channel();
    let slow = Slow { may_apply, dropped };
    let indexer = Indexer::spawn(Box::new(slow), Rows::new(0..10)).unwrap();
    let observer = indexer.observer();
    indexer.leave();
    was_dropped.try_recv().unwrap_err();
    allow.send(()).unwrap();
    let thread = was_dropped.recv_timeout(LONG).unwrap();
    assert_eq!(thread.as_deref(), Some("mcpo2-index"));
    let status = observer.status();
    assert_eq!((status.failures, status.behind()), (1, Some(10)));
}

#[test]
fn what_is_not_indexed_yet_is_no_difference() {
    let mut index = MemoryIndex::new();
    index.apply(&rows(0..1500)).unwrap();
    let checked = check(&index, &mut Rows::new(0..3000), drop).unwrap();
    assert_eq!((checked.rows, checked.difference), (1500, None));
    let empty = check(&MemoryIndex::new(), &mut Rows::new(0..9), drop).unwrap();
    assert_eq!((empty.rows, empty.difference), (0, None));
}

#[test]
fn a_ledger_that_was_cut_is_told_from_its_index() {
    let mut index = MemoryIndex::new();
    index.apply(&rows(0..100)).unwrap();
    let checked = check(&index, &mut Rows::new(0..50), drop).unwrap();
    assert_eq!(checked.difference, Some(Difference::Extra { seq: 50 }));
}

#[test]
fn an_outcome_is_part_of_its_intent() {
    let mut index = MemoryIndex::new();
    index.apply(&rows(0..1)).unwrap();
    let all = Query::new(TenantScope::All);
    let pending = all.clone().with(Filter::Outcome("pending".into()));
    assert_eq!(index.query(&pending).unwrap().rows.len(), 1);
    index.apply(&rows(1..3)).unwrap();
    assert!(index.query(&pending).unwrap().rows.is_empty());
    let found = index.query(&all).unwrap().rows;
    let seqs: Vec<_> = found.iter().map(|it| (it.row.seq, it.closed_by)).collect();
    assert_eq!(seqs, [(2, None), (0, Some(1))]);
    assert_eq!(found[1].outcome(), Some("ok"));
    assert_eq!(found[1].row.what.module.as_deref(), Some("git"));
}

/// What somebody may do to an index behind its back.
#[derive(Debug, Clone)]
enum Edit {
    Remove,
    Outcome,
    Tenant,
    Rules,
    Insert,
}

proptest! {
    #[test]
    fn whatever_is_edited_in_an_index_is_found(
        at in 0..300_u64,
        edit in prop_oneof![
            Just(Edit::Remove), Just(Edit::Outcome), Just(Edit::Tenant), Just(Edit::Rules),
            Just(Edit::Insert),
        ],
    ) {
        // Only each second record is in this ledger, so that there is room between them.
        let mut ledger = Rows::default();
        ledger.0.lock().unwrap().extend((0..300).map(|it| row(it * 2)));
        let mut held = ledger.0.lock().unwrap().clone();
        let place = usize::try_from(at).unwrap();
        let seq = at * 2;
        let expected = match edit {
            Edit::Remove if at == 299 => None,
            Edit::Remove => Some(Difference::Missing { seq }),
            Edit::Outcome => Some(Difference::Edited { seq, column: "outcome" }),
            Edit::Tenant => Some(Difference::Edited { seq, column: "tenant" }),
            Edit::Rules => Some(Difference::Edited { seq, column: "rules" }),
            Edit::Insert => Some(Difference::Extra { seq: seq + 1 }),
        };
        match edit {
            Edit::Remove => drop(held.remove(place)),
            Edit::Outcome => held[place].ended.outcome = Some("error".into()),
            Edit::Tenant => held[place].who.tenant = Some("other".parse().unwrap()),
            Edit::Rules => held[place].decided.rules.push("r9".into()),
            Edit::Insert => held.insert(place + 1, row(seq + 1)),
        }
        let mut index = MemoryIndex::new();
        index.apply(&held).unwrap();
        prop_assert_eq!(check(&index, &mut ledger, drop).unwrap().difference, expected);
    }
}
