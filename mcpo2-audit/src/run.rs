//! What the thread of a ledger does: as much at once as waits, as soon as it is free.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    Error, Options, opening,
    orders::Orders,
    queue::{Queue, Work},
    writer::Writer,
};

/// How soon room is looked for again on a full disk.
const FULL: Duration = Duration::from_millis(200);

pub(crate) fn run(queue: &Queue, orders: &Orders, mut writer: Writer, options: &Options) {
    let _ending = Ending { queue, orders };
    if let Err(error) = work(queue, orders, &mut writer, options) {
        let reason = crate::text::chain(&error, 1024);
        tracing::error!(%reason, "ledger cannot be written; no further call is taken");
        queue.fail(&reason);
    }
}

fn work(
    queue: &Queue,
    orders: &Orders,
    writer: &mut Writer,
    options: &Options,
) -> Result<(), Error> {
    let mut beat = Instant::now();
    loop {
        let has_room = writer.has_room();
        queue.set_full(!has_room);
        let left = options
            .heartbeat
            .map(|every| every.saturating_sub(beat.elapsed()));
        let patience = match has_room {
            true => left.unwrap_or(Duration::MAX),
            false => left.unwrap_or(FULL).min(FULL),
        };
        match queue.take(patience) {
            Work::Group(mut group) => {
                writer.append(&mut group)?;
                queue.done(writer.head(), group);
            }
            Work::Idle => {}
            Work::End => return opening::close(writer),
            // Who failed said why. What is open stays so, for the next opening to end.
            Work::Failed => return Ok(()),
        }
        if orders.carry_out(writer)? {
            queue.moved(writer.head());
        }
        if options
            .heartbeat
            .is_some_and(|every| beat.elapsed() >= every)
        {
            beat = Instant::now();
            if let Err(error) = beaten(writer, options, has_room) {
                if writer.is_broken {
                    return Err(error);
                }
                // Records are safe, whatever becomes of what is derived from them.
                tracing::warn!(%error, "the ledger is written, but no checkpoint is published");
            }
            queue.moved(writer.head());
        }
    }
}

/// What is due every so often.
fn beaten(writer: &mut Writer, options: &Options, has_room: bool) -> Result<(), Error> {
    if !has_room {
        return Ok(());
    }
    if writer.is_old(options.rotate_after) {
        writer.rotate()?;
    }
    if let Some(before) = writer.outlived(&options.retention)? {
        writer.retain(before, &options.retention.to_string())?;
    }
    writer.beat()
}

/// Sees to it that nobody waits for a writer that is gone.
struct Ending<'a> {
    queue: &'a Queue,
    orders: &'a Orders,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.queue.fail("the writer panicked");
        }
        self.orders.end();
    }
}
