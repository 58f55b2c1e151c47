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
    verify_consistency,
    witness::{AddCheckpoint, Reply, origin_hash},
};

use crate::witness::{Cosigner, Store};

/// Signs checkpoints of logs that it knows, each of which goes on from the one before.
///
/// What it signed is in its [`Store`] before it is in a reply. It signs with a key of its own and
/// believes nothing that is not signed by a key of the log; what it is asked for may come from
/// anybody.
#[derive(Debug)]
pub struct Witness<S> {
    cosigner: Cosigner,
    logs: BTreeMap<Box<str>, Vec<VerifierKey>>,
    store: S,
    /// What was signed last, as far as it is known to be in the store.
    signed: Mutex<Signed>,
}

type Signed = BTreeMap<Box<str>, SignedCheckpoint>;

impl<S: Store> Witness<S> {
    /// A witness of these logs. A log may have several keys, any of which it is believed by.
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
            logs.entry(key.name().as_str().into())
                .or_default()
                .push(key);
        }
        let witness = Self {
            cosigner,
            logs,
            store,
            signed: Mutex::default(),
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
        let (new, note) = (
            request.checkpoint().checkpoint(),
            request.checkpoint().note(),
        );
        let keys = self.logs.get(new.origin()).ok_or(Reply::UnknownLog)?;
        let known: Vec<_> = keys.iter().collect();
        note.verify(&known).map_err(|_| Reply::Forbidden)?;
        if request.old() > new.size() {
            return Err(Reply::Malformed);
        }
        // INVARIANT: what is checked against is not replaced before what was checked is kept.
        let mut signed = self.lock();
        let last = self.last(&mut signed, new.origin());
        let last = last.map_err(|error| unavailable(new, &error))?;
        self.follows(request, last.as_ref().map(SignedCheckpoint::checkpoint))?;
        self.sign(&mut signed, note, &known, now)
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
        signed: &mut Signed,
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
        signed.remove(&origin);
        let saved = self
            .store
            .save(&name(&origin, "note"), kept.to_string().as_bytes());
        saved.map_err(|error| unavailable(kept.checkpoint(), &error))?;
        signed.insert(origin, kept);
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

    fn last(&self, signed: &mut Signed, origin: &str) -> io::Result<Option<SignedCheckpoint>> {
        if let Some(last) = signed.get(origin) {
            return Ok(Some(last.clone()));
        }
        let Some(note) = self.store.load(&name(origin, "note"))? else {
            return Ok(None);
        };
        let last = self.read(origin, &note).ok_or_else(|| {
            let message = format!("what was signed last for {origin} is damaged");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        signed.insert(origin.into(), last.clone());
        Ok(Some(last))
    }

    /// Reads what was kept: it must be signed by this witness, or by the log if the witness has a
    /// new key.
    fn read(&self, origin: &str, note: &[u8]) -> Option<SignedCheckpoint> {
        let last = SignedCheckpoint::parse(note).ok()?;
        let keys = self.logs.get(origin).into_iter().flatten();
        let keys: Vec<_> = keys.chain([self.cosigner.key()]).collect();
        let whole = last.checkpoint().origin() == origin && last.note().verify(&keys).is_ok();
        whole.then_some(last)
    }

    fn lock(&self) -> MutexGuard<'_, Signed> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what name something of a log is kept.
fn name(origin: &str, what: &str) -> String {
    format!("{}.{what}", origin_hash(origin))
}

fn unavailable(checkpoint: &Checkpoint, error: &io::Error) -> Reply {
    let origin = checkpoint.origin();
    tracing::error!(origin, %error, "cannot read or keep what is signed");
    Reply::Other(503)
}
