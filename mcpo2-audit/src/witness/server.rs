use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcpo2_verify::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    empty_root,
    key::{Algorithm, VerifierKey},
    note::{Note, SignatureLine, assemble},
    rotation::Epochs,
    verify_consistency,
    witness::{AddCheckpoint, Reply, origin_hash},
};

use crate::witness::{Cosigner, Store};

mod keys;

/// Signs checkpoints of logs that it knows, each of which goes on from the one before.
///
/// What it signed is in its [`Store`] before it is in a reply. It signs with a key of its own and
/// believes nothing that is not signed by a key of the log; what it is asked for may come from
/// anybody.
#[derive(Debug)]
pub struct Witness<S> {
    cosigner: Cosigner,
    /// The first keys of each log.
    logs: BTreeMap<Box<str>, Vec<VerifierKey>>,
    store: S,
    known: Mutex<Known>,
}

/// What is known to be in the store, by origins. What is not here is read from there.
#[derive(Debug, Default)]
struct Known {
    /// What was signed last.
    signed: BTreeMap<Box<str>, SignedCheckpoint>,
    /// The keys of each log, for each of its first keys.
    epochs: BTreeMap<Box<str>, Vec<Epochs>>,
}

impl<S: Store> Witness<S> {
    /// A witness of these logs, by their first keys. A log may have several, and is believed by any.
    ///
    /// # Errors
    ///
    /// If what it signed before cannot be read, or a key is not one of a log: it would forget, and
    /// could be shown another history.
    pub fn new(
        cosigner: Cosigner,
        keys: impl IntoIterator<Item = VerifierKey>,
        store: S,
    ) -> io::Result<Self> {
        let mut logs: BTreeMap<_, Vec<VerifierKey>> = BTreeMap::new();
        for key in keys {
            if key.algorithm() != Algorithm::Ed25519 {
                let message = format!("{key} is not the key of a log");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            let origin = key.name().as_str().into();
            logs.entry(origin).or_default().push(key);
        }
        let witness = Self {
            cosigner,
            logs,
            store,
            known: Mutex::default(),
        };
        for origin in witness.logs.keys() {
            witness.last(&mut witness.lock(), origin)?;
        }
        Ok(witness)
    }

    /// The key by which its signatures are verified.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.cosigner.key()
    }

    /// Answers the body of an `add-checkpoint` at this time, in seconds since 1970.
    ///
    /// It writes to the store, and blocks as long as that takes.
    #[must_use]
    pub fn handle(&self, body: &[u8], now: u64) -> Reply {
        match AddCheckpoint::parse(body) {
            Ok(request) => self.add(&request, now).unwrap_or_else(|refusal| refusal),
            Err(_) => Reply::Malformed,
        }
    }

    /// What was signed last for the log with this [`origin_hash`], for those who watch logs.
    ///
    /// # Errors
    ///
    /// If the store cannot tell.
    pub fn newest(&self, hash: &str) -> io::Result<Option<SignedCheckpoint>> {
        let mut origins = self.logs.keys();
        let Some(origin) = origins.find(|origin| origin_hash(origin) == hash) else {
            return Ok(None);
        };
        self.last(&mut self.lock(), origin)
    }

    fn add(&self, request: &AddCheckpoint, now: u64) -> Result<Reply, Reply> {
        let signed = request.checkpoint();
        let new = signed.checkpoint();
        let unavailable = |error| unavailable(new.origin(), &error);
        // INVARIANT: what is checked against is not replaced before what was checked is kept.
        let mut known = self.lock();
        let epochs = self.epochs(&mut known, new.origin()).map_err(unavailable)?;
        let keys: Vec<_> = epochs
            .iter()
            .map(|one| one.key(new.size()).clone())
            .collect();
        if keys.is_empty() {
            return Err(Reply::UnknownLog);
        }
        let keys: Vec<_> = keys.iter().collect();
        signed.note().verify(&keys).map_err(|_| Reply::Forbidden)?;
        if request.old() > new.size() {
            return Err(Reply::Malformed);
        }
        let last = self.last(&mut known, new.origin()).map_err(unavailable)?;
        self.follows(request, last.as_ref().map(SignedCheckpoint::checkpoint))?;
        self.sign(&mut known, signed.note(), &keys, now)
    }

    /// Whether the checkpoint goes on from the one that was signed last.
    fn follows(&self, request: &AddCheckpoint, last: Option<&Checkpoint>) -> Result<(), Reply> {
        let new = request.checkpoint().checkpoint();
        let (size, root) = last.map_or((0, empty_root()), |last| (last.size(), *last.root()));
        if size == new.size() && root != *new.root() && last.is_some() {
            self.accuse(request.checkpoint());
        }
        if request.old() != size {
            return Err(Reply::Conflict(size));
        }
        let consistent =
            verify_consistency(size, &root, new.size(), new.root(), request.proof()).is_ok();
        match consistent {
            true => Ok(()),
            false => {
                let (origin, to) = (new.origin(), new.size());
                tracing::warn!(origin, from = size, to, "checkpoint that does not go on");
                Err(Reply::Inconsistent)
            }
        }
    }

    /// Signs, and keeps what was signed before anybody sees it.
    fn sign(
        &self,
        known: &mut Known,
        note: &Note,
        keys: &[&VerifierKey],
        now: u64,
    ) -> Result<Reply, Reply> {
        if now == 0 {
            return Err(Reply::Other(503));
        }
        let line = self.cosigner.cosign(note.text(), now);
        let by_log = |line: &&_| keys.iter().any(|key| SignatureLine::names(line, key));
        let mut lines: Vec<_> = note.signatures().iter().filter(by_log).cloned().collect();
        lines.push(line.clone());
        let kept = SignedCheckpoint::parse(assemble(note.text(), &lines).as_bytes());
        let kept = kept.map_err(|_| Reply::Malformed)?;
        let origin: Box<str> = kept.checkpoint().origin().into();
        // If it is not kept, nobody knows which of the two is: that is then read anew.
        known.signed.remove(&origin);
        let saved = self
            .store
            .save(&name(&origin, "note"), kept.to_string().as_bytes());
        saved.map_err(|error| unavailable(&origin, &error))?;
        known.signed.insert(origin, kept);
        Ok(Reply::Cosigned(vec![line]))
    }

    fn accuse(&self, fork: &SignedCheckpoint) {
        let (origin, size) = (fork.checkpoint().origin(), fork.checkpoint().size());
        tracing::error!(origin, size, "log signed two trees of one size");
        let name = name(origin, "fork");
        // The first is proof enough.
        let kept = match self.store.load(&name) {
            Ok(Some(_)) => Ok(()),
            _ => self.store.save(&name, fork.to_string().as_bytes()),
        };
        if let Err(error) = kept {
            tracing::error!(origin, %error, "proof of it could not be kept");
        }
    }

    fn last(&self, known: &mut Known, origin: &str) -> io::Result<Option<SignedCheckpoint>> {
        if let Some(last) = known.signed.get(origin) {
            return Ok(Some(last.clone()));
        }
        let Some(note) = self.store.load(&name(origin, "note"))? else {
            return Ok(None);
        };
        let epochs = self.epochs(known, origin)?;
        // If the witness has a new key, the log still has its own.
        let keys = epochs.iter().flat_map(Epochs::keys);
        let keys: Vec<_> = keys.chain([self.cosigner.key()]).collect();
        let last = SignedCheckpoint::parse(&note).ok();
        let last = last.filter(|last| {
            last.checkpoint().origin() == origin && last.note().verify(&keys).is_ok()
        });
        let last = last.ok_or_else(|| damaged(origin))?;
        known.signed.insert(origin.into(), last.clone());
        Ok(Some(last))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what name something of a log is kept.
fn name(origin: &str, what: &str) -> String {
    format!("{}.{what}", origin_hash(origin))
}

fn damaged(origin: &str) -> io::Error {
    let message = format!("what was kept of {origin} is damaged");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn unavailable(origin: &str, error: &io::Error) -> Reply {
    tracing::error!(origin, %error, "cannot read or keep what is signed");
    Reply::Other(503)
}
