use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use mcpo2_core::{Digest, Error, ErrorKind};
use mcpo2_seal::KeyRing;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{desk::Desk, task::Task};
use crate::{
    bridge::{
        asking::{Key, Pool},
        tasks::{self, Told},
    },
    upstream::Limits,
};

/// How many tasks of one principal are known at once, and how many desks it has.
const PER_PRINCIPAL: (usize, usize) = (64, 4);

/// A module hears within this time that a task is given up.
const GRACE: Duration = Duration::from_secs(5);

/// No task is older.
const SEALED: Duration = Duration::from_secs(25 * 3600);

const PURPOSE: &str = "mcpo2.route/bridged-task/v1";

/// The tasks that clients without sessions have at one module that has them.
///
/// Their ids are tickets that only this process can have made, each for one principal.
pub(crate) struct Desks {
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
    ring: Option<KeyRing>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tickets: u64,
    tasks: HashMap<u64, Known>,
    desks: Vec<Weak<Desk>>,
}

struct Known {
    task: Arc<Task>,
    _reaper: AbortOnDropHandle<()>,
}

impl Desks {
    pub(crate) fn new(pool: &Arc<Pool>, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            pool: Arc::clone(pool),
            places: Arc::new(Semaphore::new(limits.exclusive.min(Semaphore::MAX_PERMITS))),
            ring: KeyRing::ephemeral().ok(),
            state: Mutex::default(),
        })
    }

    /// The desk of this key, opened where there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overloaded`] where the principal, or all together, have as many as may be.
    pub(super) async fn desk(&self, key: &Key) -> Result<Arc<Desk>, Error> {
        if let Some(desk) = self.open_desk(key)? {
            return Ok(desk);
        }
        let place = self.place()?;
        let line = self.pool.line(key).await?;
        let desk = Desk::new(line, place);
        self.lock().desks.push(Arc::downgrade(&desk));
        Ok(desk)
    }

    fn open_desk(&self, key: &Key) -> Result<Option<Arc<Desk>>, Error> {
        let (_, most) = PER_PRINCIPAL;
        let mut state = self.lock();
        state.desks.retain(|desk| desk.strong_count() > 0);
        let desks: Vec<_> = state.desks.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        let theirs = desks.iter().filter(|desk| desk.key.binding == key.binding);
        let (same, other): (Vec<_>, Vec<_>) =
            theirs.partition(|desk| desk.key == *key && desk.is_open());
        match same.first() {
            Some(desk) => Ok(Some(Arc::clone(desk))),
            None if other.len() < most => Ok(None),
            None => Err(too_many()),
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| too_many())
    }

    /// Room for one more task of this principal: in the place of one whose end it knows, where
    /// there is no other.
    pub(super) fn make_room(&self, binding: Digest) -> Result<(), Error> {
        let (most, _) = PER_PRINCIPAL;
        let mut state = self.lock();
        let theirs = state.tasks.iter();
        let theirs = theirs.filter(|(_, known)| known.task.binding == binding);
        let theirs: Vec<_> = theirs
            .map(|(ticket, known)| (*ticket, known.task.lease.has_ended()))
            .collect();
        if theirs.len() < most {
            return Ok(());
        }
        let ended = theirs.iter().filter(|(_, ended)| *ended);
        let oldest = ended
            .map(|(ticket, _)| *ticket)
            .min()
            .ok_or_else(too_many)?;
        let gone = state.tasks.remove(&oldest);
        drop(state);
        drop(gone);
        Ok(())
    }

    /// Keeps a task that the module has made, under an id for its client.
    pub(super) fn keep(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        told: &Told<'_>,
    ) -> Result<Arc<Task>, Error> {
        let ring = self.ring.as_ref().ok_or_else(internal)?;
        let mut state = self.lock();
        let ticket = state.tickets;
        let until = SystemTime::now() + SEALED;
        let binding = desk.key.binding;
        let id = ring.seal(PURPOSE, &[binding.as_bytes()], until, &ticket.to_be_bytes());
        let id = id.map_err(|error| internal().with_source(error))?;
        let task = Task::new(id.into(), told.task_id.as_str().into(), desk, told);
        let reaper = reap(Arc::downgrade(self), ticket);
        let known = Known {
            task: Arc::clone(&task),
            _reaper: AbortOnDropHandle::new(tokio::spawn(reaper)),
        };
        state.tickets += 1;
        state.tasks.insert(ticket, known);
        Ok(task)
    }

    /// The task of this id, where it is this principal's.
    pub(super) fn find(&self, binding: Digest, id: &str) -> Result<Arc<Task>, Error> {
        let ring = self.ring.as_ref().ok_or_else(internal)?;
        let opened = ring.open(PURPOSE, &[binding.as_bytes()], SystemTime::now(), id);
        let ticket = opened.map_err(|error| tasks::unknown().with_source(error))?;
        let ticket = <[u8; 8]>::try_from(&*ticket).map_err(|_| tasks::unknown())?;
        let ticket = u64::from_be_bytes(ticket);
        let known = self
            .lock()
            .tasks
            .get(&ticket)
            .map(|known| Arc::clone(&known.task));
        let task = known.ok_or_else(|| tasks::unknown().with_source("it has expired"))?;
        if task.is_lost() {
            let gone = self.lock().tasks.remove(&ticket);
            drop(gone);
            return Err(tasks::unknown().with_source("its link has ended"));
        }
        Ok(task)
    }

    /// Gives up all tasks.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut self.lock().tasks);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a task up when its time has come.
async fn reap(desks: Weak<Desks>, ticket: u64) {
    loop {
        let task = desks.upgrade().and_then(|desks| {
            let state = desks.lock();
            state
                .tasks
                .get(&ticket)
                .map(|known| Arc::clone(&known.task))
        });
        let Some(task) = task else {
            return;
        };
        let until = task.lease.until();
        if until > tokio::time::Instant::now() {
            drop(task);
            sleep_until(until).await;
            continue;
        }
        if !task.lease.has_ended() {
            // It may have ended long since, and nobody has asked.
            let _ = timeout(GRACE, task.cancel()).await;
        }
        if let Some(desks) = desks.upgrade() {
            let gone = desks.lock().tasks.remove(&ticket);
            drop(gone);
        }
        return;
    }
}

fn too_many() -> Error {
    Error::new(ErrorKind::Overloaded, "too many tasks at once")
}

fn internal() -> Error {
    Error::new(ErrorKind::Internal, "internal error")
}

impl fmt::Debug for Desks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desks")
            .field("tasks", &self.lock().tasks.len())
            .finish_non_exhaustive()
    }
}
