//! The keys of logs, as they follow each other.

use std::io;

use mcpo2_verify::{
    note::Note,
    rotation::{Epochs, Rotation},
    witness::Reply,
};

use super::{Known, Witness, damaged, name, unavailable};
use crate::witness::Store;

/// More keys than a log has in any time that it is kept.
const MAX_EPOCHS: usize = 16_384;

impl<S: Store> Witness<S> {
    /// Answers the body of an `add-rotation`, a note that says which key of a log comes next. This
    /// is of MCPO2, and other witnesses do not know it.
    ///
    /// The reply is 204 if the key is known from now on, or was; [`Reply::Conflict`] with the number
    /// of the last epoch that is known if this one does not follow it; [`Reply::Inconsistent`] if
    /// more was signed by the key before than the note says. Where the store fails, none is.
    #[must_use]
    pub fn handle_rotation(&self, body: &[u8]) -> Reply {
        let read = Note::parse(body).ok().and_then(|note| {
            let rotation = Rotation::parse(note.text()).ok()?;
            Some((note, rotation))
        });
        match read {
            Some((note, rotation)) => self
                .rotate(&note, &rotation)
                .unwrap_or_else(|refusal| refusal),
            None => Reply::Malformed,
        }
    }

    fn rotate(&self, note: &Note, rotation: &Rotation) -> Result<Reply, Reply> {
        const KNOWN: Reply = Reply::Other(204);
        let origin = rotation.origin().as_str();
        let unavailable = |error| unavailable(origin, &error);
        let mut known = self.lock();
        let last = self.last(&mut known, origin).map_err(unavailable)?;
        let last = last.map_or(0, |last| last.checkpoint().size());
        let epochs = self.epochs(&mut known, origin).map_err(unavailable)?;
        if epochs.iter().any(|one| one.rotations().contains(rotation)) {
            return Ok(KNOWN);
        }
        let first = epochs.first().ok_or(Reply::UnknownLog)?;
        let follows = |one: &&Epochs| note.verify(&[one.newest()]).is_ok();
        let Some(of) = epochs.iter().find(follows) else {
            return Err(match rotation.epoch() == next(first) {
                true => Reply::Forbidden,
                false => Reply::Conflict(next(first).saturating_sub(1)),
            });
        };
        let mut longer = of.clone();
        let followed = longer.rotate(note).is_ok() && rotation.size() >= last;
        if !followed || of.rotations().len() >= MAX_EPOCHS {
            return Err(Reply::Inconsistent);
        }
        let name = epoch_name(of, rotation.epoch());
        known.epochs.remove(origin);
        let saved = self.store.save(&name, note.to_string().as_bytes());
        saved.map_err(unavailable)?;
        tracing::info!(origin, epoch = rotation.epoch(), "log has a new key");
        Ok(KNOWN)
    }

    /// The keys of a log, for each of its first keys; none for a log that is not known.
    pub(super) fn epochs<'k>(
        &self,
        known: &'k mut Known,
        origin: &str,
    ) -> io::Result<&'k [Epochs]> {
        if !known.epochs.contains_key(origin)
            && let Some(keys) = self.logs.get(origin)
        {
            let read = keys.iter().map(|key| self.read(Epochs::new(key.clone())));
            let read: io::Result<Vec<_>> = read.collect();
            known.epochs.insert(origin.into(), read?);
        }
        Ok(known.epochs.get(origin).map_or(&[], Vec::as_slice))
    }

    /// Reads the notes of a log until there is none.
    fn read(&self, mut epochs: Epochs) -> io::Result<Epochs> {
        loop {
            let kept = self.store.load(&epoch_name(&epochs, next(&epochs)))?;
            let Some(note) = kept else {
                return Ok(epochs);
            };
            let note = Note::parse(&note).ok();
            let followed = note.and_then(|note| epochs.rotate(&note).ok().map(drop));
            followed.ok_or_else(|| damaged(epochs.origin().as_str()))?;
        }
    }
}

/// The number of the epoch that follows.
fn next(epochs: &Epochs) -> u64 {
    let last = epochs.rotations().last();
    last.map_or(0, Rotation::epoch).saturating_add(1)
}

fn epoch_name(epochs: &Epochs, epoch: u64) -> String {
    let first = epochs.key(0).id();
    name(epochs.origin().as_str(), &format!("{first}-{epoch:010}"))
}
