use std::{
    io::Read,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, ScopedJoinHandle},
};

use mcpo2_core::Digest;

use super::{
    Error, ErrorKind,
    ignored::Level,
    intake::{BUFFER, Context, File, Hashing, Intake},
};
use crate::manifest::{Entry, Mode, RelPath};

/// How many buffers are between the thread that reads and the one that hashes.
const AHEAD: usize = 8;

/// Takes one stream as a file.
pub(super) fn take<'a>(
    context: &'a Context<'a>,
    threads: usize,
    path: RelPath,
    mut from: impl Read,
) -> Result<Vec<Intake<'a>>, Error> {
    let mut intake = Intake::new(context);
    context.meter.entries(1)?;
    if let Some(reason) = context.rules.file(&Level::root(), path.as_str()) {
        intake.withhold(path.as_str(), reason);
        return Ok(vec![intake]);
    }
    let file = File {
        path: &path,
        mode: Mode::Plain,
        size: None,
    };
    let taken = if threads > 1 {
        beside(|hashing| intake.take_with(&file, &mut from, &mut |_| true, hashing))?
    } else {
        intake.take(&file, &mut from, &mut |_| true)
    };
    match taken? {
        Ok(content) => intake.entries.push(Entry::new(path, content)),
        Err(reason) => intake.withhold(path.as_str(), reason),
    }
    Ok(vec![intake])
}

/// Runs this while another thread hashes.
fn beside<T>(run: impl FnOnce(Box<dyn Hashing + '_>) -> T) -> Result<T, Error> {
    thread::scope(|scope| {
        let (full, to_hash) = sync_channel::<(Vec<u8>, usize)>(AHEAD);
        let (done, empty) = sync_channel(AHEAD + 2);
        let hash = move || -> Digest {
            let mut hasher = blake3::Hasher::new();
            for (buffer, length) in to_hash {
                hasher.update(buffer.get(..length).unwrap_or(&buffer));
                // Nobody waits for it at the end.
                let _ended = done.try_send(buffer);
            }
            hasher.finalize().into()
        };
        let thread = thread::Builder::new().spawn_scoped(scope, hash);
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Io, "no thread can be started").with_source(error)
        })?;
        Ok(run(Box::new(Beside {
            full,
            empty,
            spare: AHEAD,
            thread,
        })))
    })
}

struct Beside<'scope> {
    full: SyncSender<(Vec<u8>, usize)>,
    empty: Receiver<Vec<u8>>,
    spare: usize,
    thread: ScopedJoinHandle<'scope, Digest>,
}

impl Hashing for Beside<'_> {
    fn update(&mut self, buffer: &mut Vec<u8>, length: usize) {
        let next = self.empty.try_recv().ok();
        let next = next.or_else(|| {
            self.spare = self.spare.checked_sub(1)?;
            Some(vec![0; BUFFER])
        });
        // The thread gives each buffer back, and ends only when this does.
        let next = next.or_else(|| self.empty.recv().ok()).unwrap_or_default();
        let full = std::mem::replace(buffer, next);
        let _ended = self.full.send((full, length));
    }

    fn digest(self: Box<Self>) -> Digest {
        drop(self.full);
        let joined = self.thread.join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
