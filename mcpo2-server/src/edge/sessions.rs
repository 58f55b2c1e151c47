//! The sessions of clients: those that live here, and those that live in their ids.
//!
//! An id is what it takes to go on with its session, sealed for its principal. So an id that this
//! process has never seen may still be one of ours: from before a restart, or of another replica.

mod ended;
mod table;
mod token;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use mcpo2_core::{Digest, Principal};
use mcpo2_route::Session;
use tokio_util::sync::CancellationToken;

use self::table::{Entry, Key, Live, Table};
use crate::app::Generation;

pub(crate) use self::table::Reaped;

/// The sessions of this process, each bound to who began it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<Table>>);

/// A session that somebody uses.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) session: Arc<Session>,
    pub(crate) principal: Arc<Principal>,
    /// Says that the session has ended, to streams that would go on.
    pub(crate) ended: CancellationToken,
}

/// A session that was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// It lives here.
    Here(Open),
    /// It began elsewhere, and lives here from now on.
    Resumed(Open),
}

/// Why there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nobody has begun it, or it has ended, or it is somebody else's.
    Unknown,
    /// Its principal has as many as it may have.
    TooMany,
    /// The gateway has as many as it may have.
    Full,
    /// There is no randomness to seal an id with.
    NoId,
}

impl Sessions {
    /// Whether this principal may begin another.
    pub(crate) fn room(
        &self,
        principal: &Principal,
        generation: &Generation,
    ) -> Result<(), Missing> {
        let limits = &generation.config().http.sessions;
        self.table().room(&principal.binding(), limits)
    }

    /// Keeps a session that begins, and gives its id.
    pub(crate) fn begin(
        &self,
        session: &Arc<Session>,
        principal: &Arc<Principal>,
        generation: &Generation,
    ) -> Result<String, Missing> {
        let (limits, ring) = (&generation.config().http.sessions, generation.keys().ring());
        let owner = principal.binding();
        let expires = SystemTime::now() + limits.lifetime;
        let id = token::seal(session, &owner, expires, ring).ok_or(Missing::NoId)?;
        let open = Open::new(Arc::clone(session), principal);
        let live = Live::new(open, owner, expires, ring);
        self.table().insert(key(&id), live, limits)?;
        Ok(id)
    }

    /// The session of this id, if this principal began it.
    pub(crate) fn find(
        &self,
        id: &str,
        principal: &Arc<Principal>,
        generation: &Generation,
    ) -> Result<Found, Missing> {
        let (key, owner) = (key(id), principal.binding());
        if let Some(open) = self.here(id, &owner, generation)? {
            return Ok(Found::Here(open));
        }
        let (limits, ring) = (&generation.config().http.sessions, generation.keys().ring());
        let sealed = token::open(id, &owner, ring).ok_or(Missing::Unknown)?;
        let expires = sealed.expires();
        let session = sealed
            .session(generation.registry())
            .ok_or(Missing::Unknown)?
            .of_tenant(principal.tenant().clone());
        let open = Open::new(Arc::new(session), principal);
        let mut table = self.table();
        // Somebody may have been faster.
        match table.entry(&key, &owner) {
            Entry::Live(live) => Ok(Found::Here(live.open())),
            Entry::NotTheirs => Err(Missing::Unknown),
            Entry::None => {
                let live = Live::new(open.clone(), owner, expires, ring);
                table.insert(key, live, limits)?;
                Ok(Found::Resumed(open))
            }
        }
    }

    /// Takes out the session of this id for good, if this principal began it.
    pub(crate) fn end(
        &self,
        id: &str,
        principal: &Arc<Principal>,
        generation: &Generation,
    ) -> Result<Open, Missing> {
        self.find(id, principal, generation)?;
        // Of two who end it at once, one does.
        self.table().end(&key(id)).ok_or(Missing::Unknown)
    }

    /// Takes out those that nobody has used for this long, and those whose time is up.
    pub(crate) fn reap(&self, idle: Duration) -> Reaped {
        self.table().reap(idle, SystemTime::now())
    }

    /// Takes out all.
    pub(crate) fn drain(&self) -> Vec<Open> {
        self.table().drain()
    }

    /// All that live here.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.table().all()
    }

    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    /// The session of this id, if it lives here.
    fn here(
        &self,
        id: &str,
        owner: &Digest,
        generation: &Generation,
    ) -> Result<Option<Open>, Missing> {
        let (key, ring) = (key(id), generation.keys().ring());
        let mut table = self.table();
        let live = match table.entry(&key, owner) {
            Entry::Live(live) => live,
            Entry::NotTheirs => return Err(Missing::Unknown),
            Entry::None => return Ok(None),
        };
        if live.expires() <= SystemTime::now() {
            return Err(Missing::Unknown);
        }
        // The keys may have changed since, and what none of them opens holds no more.
        if !live.is_checked_by(ring) {
            if token::open(id, owner, ring).is_none() {
                table.drop_one(&key);
                return Err(Missing::Unknown);
            }
            live.checked_by(ring);
        }
        Ok(Some(live.open()))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(session: Arc<Session>, principal: &Arc<Principal>) -> Self {
        Self {
            session,
            principal: Arc::clone(principal),
            ended: CancellationToken::new(),
        }
    }
}

fn key(id: &str) -> Key {
    *blake3::hash(id.as_bytes()).as_bytes()
}
