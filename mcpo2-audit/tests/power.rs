//! What is left when the machine stops at any moment, or the disk fails in any way.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::HashSet;

use mcpo2_audit::{
    Committed, Error, ErrorKind, Event, Ledger, Note, Options, RecordId, Recovered, calls,
    conformance::{DiskFault, ModelDisk},
    read,
};

fn note(number: usize) -> Event {
    let text = "x".repeat(number * 37 % 900);
    Event::Admin(Note::new("reload").with("number", text))
}

fn options() -> Options {
    Options::default().with_segment_bytes(6000)
}

/// What somebody was told is safe.
#[derive(Debug, Default)]
struct Told {
    safe: Vec<(RecordId, Committed)>,
}

fn now<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

impl Told {
    fn write(&mut self, ledger: &Ledger, number: usize) -> Result<(), Error> {
        let place = ledger.reserve()?;
        let id = place.id();
        let committed = now(place.fill_durably(note(number)))?;
        self.safe.push((id, committed));
        Ok(())
    }

    /// Records, rotations, segments and checkpoints, until something fails.
    fn work(&mut self, disk: &ModelDisk) -> Result<(), Error> {
        let ledger = Ledger::open_on(disk.clone(), options())?;
        for number in 0..6 {
            self.write(&ledger, number)?;
        }
        ledger.publish()?;
        for number in 6..12 {
            self.write(&ledger, number)?;
        }
        ledger.rotate_key()?;
        for number in 12..15 {
            self.write(&ledger, number)?;
        }
        ledger.rotate_key()?;
        ledger.close()
    }

    /// All of it is there, in its place.
    fn check(&self, disk: &ModelDisk, what: &str) {
        let dir = tempfile::tempdir().unwrap();
        disk.store(dir.path()).unwrap();
        let mut kept = HashSet::new();
        for entry in read(dir.path()).unwrap() {
            let entry = entry.unwrap_or_else(|error| panic!("{what}: {error}"));
            kept.insert((entry.record.id, entry.seq));
        }
        for (id, committed) in &self.safe {
            assert!(kept.contains(&(*id, committed.seq)), "{what}: lost {id}");
        }
        mcpo2_audit::verify(dir.path()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    }
}

/// Stops or fails at each operation of the work, in turn.
fn each_operation(fault: DiskFault, seeds: std::ops::Range<u64>) {
    let whole = ModelDisk::new();
    Told::default().work(&whole).unwrap();
    let operations = whole.operations();
    assert!(operations > 80, "{operations}");
    for at in 1..=operations {
        let disk = ModelDisk::new();
        disk.fail_at(at, fault);
        let mut told = Told::default();
        let worked = told.work(&disk);
        for seed in seeds.clone() {
            let what = format!("{fault:?} at {at}, chance {seed} ({worked:?})");
            let left = disk.crash(seed);
            let ledger = Ledger::open_on(left.clone(), options())
                .unwrap_or_else(|error| panic!("{what}: {error:?}"));
            told.write(&ledger, 99).unwrap();
            ledger.close().unwrap();
            told.check(&left, &what);
            told.safe.pop();
            // What a second opening finds is whole.
            let ledger = Ledger::open_on(left.clone(), options()).unwrap();
            let size = ledger.stats().head.size;
            ledger.close().unwrap();
            let ledger = Ledger::open_on(left.clone(), options()).unwrap();
            assert_eq!(ledger.stats().head.size, size, "{what}");
        }
    }
}

#[test]
fn nothing_that_was_said_to_be_safe_is_lost_wherever_the_machine_stops() {
    each_operation(DiskFault::Crash, 0..5);
}

#[test]
fn nothing_that_was_said_to_be_safe_is_lost_whichever_operation_fails() {
    each_operation(DiskFault::Error, 0..2);
}

#[test]
fn sync_that_failed_is_not_believed_when_it_succeeds_later() {
    each_operation(DiskFault::LostSync, 0..2);
}

#[test]
fn full_disk_refuses_calls_finishes_those_under_way_and_goes_on_by_itself() {
    let disk = ModelDisk::new();
    // What is derived cannot be written meanwhile, and that does no harm.
    let options = options().with_heartbeat(Some(std::time::Duration::from_millis(1)));
    let ledger = Ledger::open_on(disk.clone(), options).unwrap();
    let mut told = Told::default();
    told.write(&ledger, 1).unwrap();
    let place = ledger.reserve().unwrap();
    disk.set_capacity(Some(0));
    let error = loop {
        if let Err(error) = told.write(&ledger, 20) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(ledger.health().unwrap_err().kind(), ErrorKind::Full);
    assert!(ledger.stats().full);
    let id = place.id();
    let committed = now(place.fill_durably(note(3))).unwrap();
    told.safe.push((id, committed));

    disk.set_capacity(None);
    while ledger.health().is_err() {
        std::thread::yield_now();
    }
    told.write(&ledger, 4).unwrap();
    ledger.close().unwrap();
    told.check(&disk, "full");
}

#[test]
fn torn_end_is_cut_and_said() {
    let disk = ModelDisk::new();
    let mut told = Told::default();
    let ledger = Ledger::open_on(disk.clone(), options()).unwrap();
    // The second finds room kept for what comes.
    told.write(&ledger, 1).unwrap();
    told.write(&ledger, 1).unwrap();
    disk.fail_sync(DiskFault::Error);
    told.write(&ledger, 20).unwrap_err();
    while ledger.health().is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(ledger.health().unwrap_err().kind(), ErrorKind::Poisoned);
    // The group was written, and its sync failed: nobody was told that it is safe. What is left of
    // it is whole, or nothing, or torn.
    let told_of_it = (0..64).filter(|seed| {
        let left = disk.crash(*seed);
        let ledger = Ledger::open_on(left.clone(), options()).unwrap();
        ledger.close().unwrap();
        let dir = tempfile::tempdir().unwrap();
        left.store(dir.path()).unwrap();
        let last = calls(dir.path()).unwrap().last().unwrap().unwrap();
        matches!(last.record.event, Event::Recovered(Recovered { bytes, .. }) if bytes > 0)
    });
    assert!(told_of_it.count() > 5);
}

/// Failures of what can be made again stop no call.
#[test]
fn checkpoint_that_cannot_be_published_is_published_later() {
    let disk = ModelDisk::new();
    // In one segment: behind the record that begins another, room is made for the next, and that
    // may be what fails.
    let ledger = Ledger::open_on(disk.clone(), Options::default()).unwrap();
    let mut told = Told::default();
    for number in 0..300 {
        told.write(&ledger, number % 7).unwrap();
    }
    disk.fail_at(disk.operations() + 1, DiskFault::Error);
    ledger.publish().unwrap_err();
    told.write(&ledger, 1).unwrap();
    ledger.publish().unwrap();
    ledger.close().unwrap();
    told.check(&disk, "published later");
}

#[test]
fn clock_that_went_back_over_a_crash_is_held_back_in_a_segment_without_records() {
    #[derive(Debug)]
    struct At(i64);
    impl mcpo2_audit::Clock for At {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::from_second(self.0).unwrap()
        }
        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
    }
    let at = |second| options().with_segment_bytes(1).with_clock(At(second));
    // Each group has a segment of its own, of which this one gets no more than a header.
    let found = (1..12).find_map(|more| {
        let disk = ModelDisk::new();
        let ledger = Ledger::open_on(disk.clone(), at(2000)).unwrap();
        let mut told = Told::default();
        told.write(&ledger, 1).unwrap();
        told.write(&ledger, 1).unwrap();
        disk.fail_at(disk.operations() + more, DiskFault::Crash);
        told.write(&ledger, 1).unwrap_err();
        let left = disk.crash(1);
        let dir = tempfile::tempdir().unwrap();
        left.store(dir.path()).unwrap();
        let segments = std::fs::read_dir(dir.path().join("seg")).unwrap();
        let segments = segments.filter(|it| {
            it.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(".seg")
        });
        (segments.count() == 3).then_some((left, told))
    });
    let (left, told) = found.unwrap();
    let ledger = Ledger::open_on(left.clone(), at(1000)).unwrap();
    ledger.append(note(1)).unwrap();
    ledger.close().unwrap();
    told.check(&left, "a clock that went back");
}
