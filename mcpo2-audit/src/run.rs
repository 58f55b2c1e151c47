//! What the thread of a ledger does: as much at once as waits, as soon as it is free.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Error, Options, opening,
    queue::{Queue, Work},
    writer::Writer,
};

/// How soon room is looked for again on a full disk.
const FULL: Duration = Duration::from_millis(200);

/// What the thread is asked to do beside writing.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    publish: bool,
    rotate: bool,
    given: u64,
    done: u64,
}

impl Orders {
    pub(crate) fn publish(&self, queue: &Queue) -> Result<(), Error> {
        self.give(queue, |state| state.publish = true)
    }

    pub(crate) fn rotate(&self, queue: &Queue) -> Result<(), Error> {
        self.give(queue, |state| state.rotate = true)
    }

    /// Waits until it is done; the queue says where it never will be.
    fn give(&self, queue: &Queue, order: impl FnOnce(&mut State)) -> Result<(), Error> {
        let mut state = self.state();
        order(&mut state);
        state.given += 1;
        let ticket = state.given;
        queue.rouse();
        while state.done < ticket {
            queue.check_alive()?;
            let waited = self.done.wait_timeout(state, FULL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// What was ordered, and by how many.
    fn take(&self) -> (bool, bool, u64) {
        let mut state = self.state();
        let publish = std::mem::take(&mut state.publish);
        (publish, std::mem::take(&mut state.rotate), state.given)
    }

    fn done(&self, given: u64) {
        self.state().done = given;
        self.done.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn run(queue: &Queue, orders: &Orders, mut writer: Writer, options: &Options) {
    let _ending = Ending(queue);
    if let Err(error) = work(queue, orders, &mut writer, options) {
        let reason = crate::text::chain(&error, 1024);
        tracing::error!(%reason, "ledger cannot be written; no further call is taken");
        queue.fail(&reason);
    }
}

fn work(queue: &Queue, orders: &Orders, writer: &mut Writer, options: &Options) -> Result<(), Error> {
    let mut beat = Instant::now();
    loop {
        let has_room = writer.has_room();
        queue.set_full(!has_room);
        let left = options.heartbeat.map(|every| every.saturating_sub(beat.elapsed()));
        let patience = match has_room {
            true => left.unwrap_or(Duration::MAX),
            false => left.unwrap_or(FULL).min(FULL),
        };
        match queue.take(patience) {
            Work::Group(group) => {
                writer.append(group)?;
                queue.done(writer.head());
            }
            Work::Idle => {}
            Work::End => return opening::close(writer),
        }
        let (publish, rotate, given) = orders.take();
        if rotate || writer.is_old(options.rotate_after) {
            writer.rotate()?;
            queue.done(writer.head());
        }
        if publish {
            writer.publish()?;
        }
        if options.heartbeat.is_some_and(|every| beat.elapsed() >= every) {
            beat = Instant::now();
            writer.beat()?;
            queue.done(writer.head());
        }
        orders.done(given);
    }
}

/// Sees to it that nobody waits for a writer that is gone.
struct Ending<'a>(&'a Queue);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("the writer panicked");
        }
    }
}
