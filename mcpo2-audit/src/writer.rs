//! Appends groups of records to the last segment: used by one thread.

mod keep;
mod segment;

pub(crate) use segment::Segment;

use std::{any::Any, fmt, io, sync::Arc, time::Duration};

use mcpo2_verify::{Flags, FrameKind, LEAF, Leaf, SCHEMA, record_digest, write_frame};

use crate::{
    Clock, Committed, Disk, Error, ErrorKind, Event, Head, Record,
    epoch::Epoch,
    id::Stamps,
    prepared::{Entry, Group},
    record::{Heartbeat, KeyRotation, Rotated, Sealing},
    recover::Tip,
    tiles::Tiles,
};

const MAX_CHECKPOINT: u64 = 64 * 1024;
/// The room that is kept for keys of persons: those of about a thousand.
const KEY_ROOM: u64 = 64 * 1024;

/// The newest published checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// One that is to be witnessed before it is published.
pub(crate) const UNWITNESSED: &str = "checkpoint.unwitnessed";

/// The clock was set where it moved against the one that nobody sets by more than this.
const STEP: i128 = 1_000_000_000;

pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) sealing: Arc<Sealing>,
    /// How long the file of keys may become without more room.
    pub(crate) key_room: u64,
    pub(crate) stamps: Arc<Stamps>,
    pub(crate) epoch: Epoch,
    pub(crate) tip: Tip,
    pub(crate) tree: Published,
    pub(crate) segment: Segment,
    pub(crate) boot: Boot,
    /// Whether the disk may not have what the tree has: then nothing more may be written.
    pub(crate) is_broken: bool,
}

/// The tree as files.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) tiles: Tiles,
    /// The size of that of the last checkpoint that was published, or given to witnesses.
    pub(crate) size: u64,
    /// Whether checkpoints are published by who has them witnessed.
    pub(crate) is_witnessed: bool,
}

/// When the ledger was opened, by both clocks.
#[derive(Debug)]
pub(crate) struct Boot {
    /// Nobody else writes as long as it is there.
    pub(crate) _lock: Box<dyn Any + Send + Sync>,
    pub(crate) id: [u8; 16],
    pub(crate) mono: Duration,
    /// By how much the clocks differed at the last record, in nanoseconds.
    pub(crate) drift: Option<i128>,
}

impl Writer {
    /// Writes these records as one group, and returns when they are safe.
    pub(crate) fn append(&mut self, group: &mut Group) -> Result<(), Error> {
        if group.count() == 0 {
            return Ok(());
        }
        // Until it is known that the disk has what the tree has.
        self.is_broken = true;
        self.write(group)?;
        self.is_broken = false;
        // Whatever becomes of them, the records are safe.
        if let Err(error) = self.tree.tiles.write_full(&*self.disk) {
            tracing::warn!(%error, "tiles of the ledger cannot be written");
        }
        Ok(())
    }

    fn write(&mut self, group: &mut Group) -> Result<(), Error> {
        self.keep_keys()?;
        let size = group.size() + group.count() * 256;
        self.segment
            .make_room(&*self.disk, size, &self.tip, self.epoch.origin())?;
        let mut notices = Vec::new();
        let mut frames = group.take_frames();
        frames.reserve(size);
        for (record, body, vault) in group.records() {
            let (seq, leaf) = self.encode(&mut frames, record, body, vault)?;
            notices.extend(record.notice.take().map(|notice| (notice, seq, leaf)));
        }
        self.commit(&mut frames)?;
        group.keep_frames(frames);
        let size = self.tip.size();
        for (notice, seq, leaf) in notices {
            notice.done(Committed { seq, leaf, size });
        }
        Ok(())
    }

    /// Appends a record of the ledger's own, as a group.
    pub(crate) fn say(&mut self, event: Event) -> Result<(), Error> {
        self.say_all(vec![event])
    }

    /// Appends records of the ledger's own, all of them or none.
    pub(crate) fn say_all(&mut self, events: Vec<Event>) -> Result<(), Error> {
        let records = events.into_iter().map(|event| {
            let record = Record::new(self.stamps.next(), event);
            self.sealing.event(record)
        });
        let mut group: Group = records.collect::<Result<_, _>>()?;
        self.append(&mut group)
    }

    /// Says that the ledger is alive, where nothing else was said since the last time, and
    /// publishes a checkpoint.
    pub(crate) fn beat(&mut self) -> Result<(), Error> {
        if self.tip.size() == self.tree.size {
            self.say(Event::Heartbeat(Heartbeat {}))?;
        }
        self.publish()
    }

    /// Whether the key that signs is older than this.
    pub(crate) fn is_old(&self, age: Option<Duration>) -> bool {
        let (Some(age), Some(since)) = (age, self.epoch.since()) else {
            return false;
        };
        let now = u64::try_from(self.clock().now().as_second()).unwrap_or_default();
        now.saturating_sub(since) >= age.as_secs()
    }

    /// The last record that is safe.
    pub(crate) fn head(&self) -> Head {
        Head {
            size: self.tip.size(),
            root: self.tip.frontier.root(),
        }
    }

    /// Makes the newest checkpoint and its tiles known as files.
    pub(crate) fn publish(&mut self) -> Result<(), Error> {
        let size = self.tip.size();
        if size == self.tree.size {
            return Ok(());
        }
        let published = self
            .tree
            .tiles
            .write_partial(&*self.disk)
            .and_then(|tiles| {
                let note = self.epoch.sign(size, self.tip.frontier.root());
                let note = note.map_err(io::Error::other)?;
                let name = match self.tree.is_witnessed {
                    true => UNWITNESSED,
                    false => CHECKPOINT,
                };
                self.disk.replace(name, note.as_bytes())?;
                Ok(tiles)
            });
        self.tree
            .tiles
            .keep(published.map_err(failed("publish a checkpoint"))?);
        self.tree.size = size;
        if !self.tree.is_witnessed {
            self.tree.tiles.forget_before(&*self.disk, size);
        }
        Ok(())
    }

    /// Makes a checkpoint known that witnesses signed.
    pub(crate) fn publish_witnessed(&mut self, note: &str) -> Result<(), Error> {
        let known = self.epoch.knows(note.as_bytes());
        let known = known.filter(|(size, _)| *size <= self.tip.size());
        let published = match self.disk.read(CHECKPOINT, MAX_CHECKPOINT) {
            Ok(note) => self.epoch.knows(&note).map_or(0, |(size, _)| size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed("read the checkpoint")(error)),
        };
        let Some((size, _)) = known.filter(|(size, _)| *size >= published) else {
            let message = "the checkpoint is none of this ledger, or older than what is published";
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let written = self.disk.replace(CHECKPOINT, note.as_bytes());
        written.map_err(failed("publish a checkpoint"))?;
        self.tree.tiles.forget_before(&*self.disk, size);
        Ok(())
    }

    /// Begins another epoch: the record that names its key is the last that the old key signs.
    pub(crate) fn rotate(&mut self) -> Result<(), Error> {
        if self.epoch.since().is_none() {
            let message = "the keys of a signer of the host's own are not changed here";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let now = self.clock().now().as_second();
        let next = self
            .epoch
            .next_key(&*self.disk, u64::try_from(now).unwrap_or_default())?;
        self.say(Event::KeyRotation(KeyRotation {
            rotation: Rotated {
                epoch: next.number(),
                key: next.key().into(),
            },
        }))?;
        // What ends with this record is signed by the key before, in files as in segments.
        self.is_broken = true;
        self.publish()?;
        self.epoch.change(&*self.disk, self.tip.size(), next)?;
        self.is_broken = false;
        Ok(())
    }

    /// Whether the disk has room for what is under way and more.
    pub(crate) fn has_room(&mut self) -> bool {
        self.segment.keep_spare(&*self.disk) && self.keep_key_room()
    }

    /// Keeps room for the keys of persons who are not known yet.
    fn keep_key_room(&mut self) -> bool {
        let used = self.sealing.vault.keys().length();
        if used + KEY_ROOM / 2 <= self.key_room {
            return true;
        }
        match crate::vault::make_room(&*self.disk, used + KEY_ROOM) {
            Ok(()) => {
                self.key_room = used + KEY_ROOM;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "no room can be kept for keys of the vault");
                false
            }
        }
    }

    /// Ends it: all is published, and room that was kept is given back.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        self.publish()?;
        self.segment
            .close(&*self.disk)
            .map_err(failed("close the ledger"))
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.stamps.clock()
    }

    /// New persons' keys become safe before anything that needs them.
    fn keep_keys(&mut self) -> Result<(), Error> {
        let new = self.sealing.vault.keys().take_new();
        let Some((at, bytes)) = new else {
            return Ok(());
        };
        let written = crate::vault::append(&*self.disk, at, &bytes);
        written.map_err(failed("write the keys of the vault"))
    }

    /// Adds a record to the group: its number and the hash of its leaf.
    fn encode(
        &mut self,
        frames: &mut Vec<u8>,
        record: &Entry,
        body: &[u8],
        vault: &[u8],
    ) -> Result<(u64, mcpo2_verify::Hash), Error> {
        let leaf = self.leaf(record, body);
        let (seq, bytes) = (leaf.seq, leaf.encode());
        write_frame(frames, FrameKind::Record, seq, &[&bytes, body]).map_err(unfit)?;
        if !vault.is_empty() {
            write_frame(frames, FrameKind::Vault, seq, &[vault]).map_err(unfit)?;
        }
        let hash = self.tip.push(leaf, &bytes);
        self.tree.tiles.push(&bytes, hash);
        Ok((seq, hash))
    }

    fn leaf(&mut self, record: &Entry, body: &[u8]) -> Leaf {
        let mono = self.clock().monotonic().saturating_sub(self.boot.mono);
        let mono_ns = u64::try_from(mono.as_nanos()).unwrap_or(u64::MAX);
        let now = self.clock().now().as_nanosecond();
        let drift = now - i128::from(mono_ns);
        let was_set = self
            .boot
            .drift
            .is_some_and(|before| (drift - before).abs() > STEP);
        self.boot.drift = Some(drift);
        let now = u64::try_from(now).unwrap_or_default();
        let mut flags = Flags::NONE;
        if was_set {
            flags = flags.with(Flags::SET);
        }
        if now < self.tip.wall_ns {
            flags = flags.with(Flags::HELD);
        }
        Leaf {
            flags,
            seq: self.tip.size(),
            wall_ns: now.max(self.tip.wall_ns),
            mono_ns,
            boot_id: self.boot.id,
            tenant_tag: record.tenant,
            record_digest: record_digest(body),
            prev_chain: self.tip.chain,
            kind: record.kind,
            schema: SCHEMA,
        }
    }

    /// Puts a checkpoint behind the group, and makes both safe.
    fn commit(&mut self, group: &mut Vec<u8>) -> Result<(), Error> {
        let (size, root) = (self.tip.size(), self.tip.frontier.root());
        let note = self.epoch.sign(size, root)?;
        let parts: [&[u8]; 1] = [note.as_bytes()];
        write_frame(group, FrameKind::Commit, size, &parts).map_err(unfit)?;
        let written = self.segment.append(group);
        written.map_err(failed("write the ledger"))
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("size", &self.tip.size())
            .finish_non_exhaustive()
    }
}

pub(crate) fn failed(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::new(ErrorKind::Io, format!("cannot {what}")).with_source(error)
}

fn unfit(error: mcpo2_verify::FrameFault) -> Error {
    Error::new(ErrorKind::Io, "a record does not fit a frame").with_source(error)
}

const _: () = assert!(LEAF == 152, "FORMAT.md says so");
