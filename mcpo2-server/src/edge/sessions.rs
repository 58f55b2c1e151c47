use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mcpo2_core::Principal;
use mcpo2_route::Session;
use tokio_util::sync::CancellationToken;

/// The sessions of this process, each bound to who began it.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    live: Arc<Mutex<HashMap<Box<str>, Live>>>,
    idle: Duration,
}

#[derive(Debug)]
struct Live {
    open: Open,
    used: Instant,
}

/// A session that somebody uses.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) session: Arc<Session>,
    pub(crate) principal: Arc<Principal>,
    /// Says that the session has ended, to streams that would go on.
    pub(crate) ended: CancellationToken,
}

/// A principal can have this many sessions at once.
const PER_PRINCIPAL: usize = 256;

impl Sessions {
    pub(crate) fn new(idle: Duration) -> Self {
        Self {
            live: Arc::default(),
            idle,
        }
    }

    /// Whether this principal may begin another.
    pub(crate) fn has_room(&self, principal: &Principal) -> bool {
        has_room(&self.live(), principal)
    }

    /// Keeps a session and gives its id; none where its principal has too many.
    pub(crate) fn insert(
        &self,
        session: &Arc<Session>,
        principal: &Arc<Principal>,
    ) -> Option<Box<str>> {
        let mut live = self.live();
        if !has_room(&live, principal) {
            return None;
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let id: Box<str> = random
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into();
        let open = Open {
            session: Arc::clone(session),
            principal: Arc::clone(principal),
            ended: CancellationToken::new(),
        };
        live.insert(
            id.clone(),
            Live {
                open,
                used: Instant::now(),
            },
        );
        Some(id)
    }

    /// The session of this id, if this principal began it.
    pub(crate) fn find(&self, id: &str, principal: &Principal) -> Option<Open> {
        let mut live = self.live();
        let found = live
            .get_mut(id)
            .filter(|live| *live.open.principal == *principal)?;
        found.used = Instant::now();
        Some(found.open.clone())
    }

    /// Takes out the session of this id, if this principal began it.
    pub(crate) fn remove(&self, id: &str, principal: &Principal) -> Option<Open> {
        self.find(id, principal)?;
        let open = self.live().remove(id)?.open;
        open.ended.cancel();
        Some(open)
    }

    /// Takes out those that nobody has used for long.
    pub(crate) fn reap(&self) -> Vec<Open> {
        let idle = self.idle;
        self.drain(|live| live.used.elapsed() >= idle && Arc::strong_count(&live.open.session) == 1)
    }

    /// Takes out all.
    pub(crate) fn end(&self) -> Vec<Open> {
        self.drain(|_| true)
    }

    fn drain(&self, which: impl Fn(&Live) -> bool) -> Vec<Open> {
        let mut live = self.live();
        let gone: Vec<_> = live
            .iter()
            .filter(|(_, live)| which(live))
            .map(|(id, _)| id.clone())
            .collect();
        let gone = gone.into_iter().filter_map(|id| live.remove(&id));
        gone.inspect(|live| live.open.ended.cancel())
            .map(|live| live.open)
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.live().len()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<Box<str>, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_room(live: &HashMap<Box<str>, Live>, principal: &Principal) -> bool {
    let theirs = live
        .values()
        .filter(|live| *live.open.principal == *principal);
    theirs.count() < PER_PRINCIPAL
}
