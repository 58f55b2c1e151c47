//! What is kept, for how long, and what is not to be known any more.

use std::io;

use mcpo2_verify::{FrameKind, LEAF, Leaf, TILE_WIDTH, Tree, new_tiles, read_frame, segment_name};

use super::{Writer, failed};
use crate::{
    Disk, Error, ErrorKind, Event, Keeping,
    record::{Erased, Held, Retained, Retention},
    recover,
};

/// A file that is there while nothing may be removed or erased.
const HOLD: &str = "hold";
/// By what the person is found whose key is being destroyed.
const ERASING: &str = "vault/erasing";

impl Writer {
    /// Destroys the key of all that is personal of somebody. The pseudonym that they had; none
    /// where nothing was recorded of them.
    pub(crate) fn erase(
        &mut self,
        lookup: &[u8; 32],
        basis: &str,
        by: &str,
    ) -> Result<Option<String>, Error> {
        self.check_hold()?;
        let known = self.sealing.vault.keys().find(lookup);
        let Some(subject) = known else {
            return Ok(None);
        };
        let pseudonym = subject.pseudonym();
        // Should it be interrupted, the next opening ends it.
        let marked = self.disk.replace(ERASING, lookup);
        marked.map_err(failed("mark the erasure"))?;
        self.say(Event::Erase(Erased {
            subject: pseudonym.clone().into(),
            basis: basis.into(),
            by: by.into(),
        }))?;
        self.is_broken = true;
        self.forget(lookup)?;
        self.is_broken = false;
        Ok(Some(pseudonym))
    }

    /// Destroys a key of which the ledger says that it is destroyed.
    fn forget(&mut self, lookup: &[u8; 32]) -> Result<(), Error> {
        self.keep_keys()?;
        let mut keys = self.sealing.vault.keys();
        keys.forget(lookup);
        let stored = keys.store(&*self.disk);
        drop(keys);
        self.key_room = 0;
        let done = stored
            .and_then(|()| self.disk.remove(ERASING))
            .and_then(|()| self.disk.sync_dir("vault"));
        done.map_err(failed("write the keys of the vault"))
    }

    /// Ends an erasure that was interrupted; the record of it may be there, or is said now.
    pub(crate) fn finish_erasure(&mut self) -> Result<(), Error> {
        let lookup = match self.disk.read(ERASING, 32) {
            Ok(lookup) => <[u8; 32]>::try_from(lookup.as_slice()).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("read what is to be erased")(error)),
        };
        let lookup = lookup.unwrap_or_default();
        let subject = self.sealing.vault.keys().find(&lookup);
        if let Some(subject) = subject {
            self.say(Event::Erase(Erased {
                subject: subject.pseudonym().into(),
                basis: "an erasure that was interrupted".into(),
                by: "recovery".into(),
            }))?;
        }
        self.forget(&lookup)
    }

    /// Says that nothing may be removed or erased from here on, or may be again.
    pub(crate) fn hold(&mut self, held: bool, reason: &str, by: &str) -> Result<(), Error> {
        if held {
            // It holds before the ledger says so, and ends after.
            let marked = self.disk.replace(HOLD, reason.as_bytes());
            marked.map_err(failed("mark the hold"))?;
        }
        self.say(Event::Hold(Held {
            held,
            reason: reason.into(),
            by: by.into(),
        }))?;
        if !held && self.is_held()? {
            let removed = self.disk.remove(HOLD);
            let safe = removed.and_then(|()| self.disk.sync_dir(""));
            safe.map_err(failed("mark the end of the hold"))?;
        }
        Ok(())
    }

    /// Below which record nothing need be kept any more, if something is there to be removed.
    pub(crate) fn outlived(&self, keeping: &Keeping) -> Result<Option<u64>, Error> {
        if keeping.is_forever() || self.is_held()? {
            return Ok(None);
        }
        let firsts = recover::segments(&*self.disk).map_err(failed("list segments"))?;
        let now = self.clock().now().as_nanosecond();
        let mut bytes = 0;
        let mut before = None;
        // From the newest: one goes if those behind it fill what is kept, or begin early enough.
        for pair in firsts.windows(2).rev() {
            let [first, next] = pair else { continue };
            let length = self.segment_length(*next)?;
            bytes += length;
            let began = begun(&*self.disk, *next).map_err(failed("read a segment"))?;
            let age = now.saturating_sub(i128::from(began.unwrap_or(u64::MAX)));
            if keeping.is_over(bytes, age) && next / u64::from(TILE_WIDTH) < self.full_tiles() {
                before = Some(*next).filter(|_| first < next);
                break;
            }
        }
        Ok(before)
    }

    /// Removes the segments whose records all stand below this number. Their leaves stay.
    pub(crate) fn retain(&mut self, before: u64, policy: &str) -> Result<u64, Error> {
        self.check_hold()?;
        let firsts = recover::segments(&*self.disk).map_err(failed("list segments"))?;
        let kept = firsts
            .iter()
            .rposition(|first| *first <= before)
            .unwrap_or(0);
        let Some((kept, gone)) = firsts.get(kept).zip(firsts.get(..kept)) else {
            return Ok(0);
        };
        if gone.is_empty() || kept / u64::from(TILE_WIDTH) >= self.full_tiles() {
            return Ok(0);
        }
        self.sync_tiles(*kept).map_err(failed("make tiles safe"))?;
        self.say(Event::Retention(Retention {
            retention: Retained {
                before: *kept,
                policy: policy.into(),
            },
        }))?;
        self.publish()?;
        let removed = gone
            .iter()
            .try_for_each(|first| self.disk.remove(&format!("seg/{}", segment_name(*first))));
        let safe = removed.and_then(|()| self.disk.sync_dir("seg"));
        safe.map_err(failed("remove old segments"))?;
        Ok(u64::try_from(gone.len()).unwrap_or_default())
    }

    fn check_hold(&self) -> Result<(), Error> {
        match self.is_held()? {
            true => Err(Error::new(ErrorKind::Held, "a hold is on the ledger")),
            false => Ok(()),
        }
    }

    fn is_held(&self) -> Result<bool, Error> {
        match self.disk.open(HOLD) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("look for a hold")(error)),
        }
    }

    fn full_tiles(&self) -> u64 {
        self.tip.size() / u64::from(TILE_WIDTH)
    }

    fn segment_length(&self, first: u64) -> Result<u64, Error> {
        let file = self.disk.open(&format!("seg/{}", segment_name(first)));
        file.and_then(|file| file.len())
            .map_err(failed("read a segment"))
    }

    /// What stands in for segments must not be lost after them.
    fn sync_tiles(&self, size: u64) -> io::Result<()> {
        let width = u64::from(TILE_WIDTH);
        let up = size.next_multiple_of(width);
        for tile in new_tiles(0, up).into_iter().filter(|tile| tile.is_full()) {
            let path = tile.path();
            let is_needed = tile.tree() != Tree::Entries || tile.index() == size / width;
            match self.disk.open(&path) {
                Ok(file) => file.sync()?,
                // Bundles may be pruned, but for the one that stands in for records.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_needed => continue,
                Err(error) => return Err(error),
            }
            self.disk.sync_dir(crate::disk::folder_of(&path))?;
        }
        Ok(())
    }
}

/// When the first record of a segment was appended.
fn begun(disk: &dyn Disk, first: u64) -> io::Result<Option<u64>> {
    let file = disk.open(&format!("seg/{}", segment_name(first)))?;
    let mut bytes = vec![0; 256 * 1024];
    let count = file.read_at(&mut bytes, 0)?;
    let mut rest = bytes.get(..count).unwrap_or_default();
    while let Ok(Some(frame)) = read_frame(rest) {
        if frame.kind == FrameKind::Record {
            let leaf = frame
                .payload
                .get(..LEAF)
                .and_then(|leaf| Leaf::decode(leaf).ok());
            return Ok(leaf.map(|leaf| leaf.wall_ns));
        }
        rest = rest.get(frame.length()..).unwrap_or_default();
    }
    Ok(None)
}
