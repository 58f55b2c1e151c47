//! Opens a ledger: finds its end, settles what a crash left, and readies the writer.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    sync::Arc,
};

use mcpo2_verify::{Body, Frame, FrameKind, Kind, LEAF, Leaf, leaf_hash, read_frame};
use serde::Deserialize;

use crate::{
    Disk, Ended, Error, ErrorKind, Event, Options, Outcome, OutcomeRecord, RecordId, Recovered,
    epoch::Epoch,
    id::Stamps,
    record::Sealing,
    recover::{self, End, Tip},
    secret::{self, ContentKey},
    tiles::Tiles,
    vault::Keys,
    writer::{Boot, CHECKPOINT, Published, Segment, Writer, failed},
};

/// A file that is there while the ledger is open, and after a crash.
const OPEN: &str = "OPEN";
const MAX_CHECKPOINT: u64 = 64 * 1024;

/// What a ledger is made of.
pub(crate) struct Opened {
    pub(crate) writer: Writer,
    pub(crate) content: ContentKey,
}

pub(crate) fn open(disk: Arc<dyn Disk>, options: &Options) -> Result<Opened, Error> {
    let lock = disk.lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            Error::new(ErrorKind::Locked, "the ledger is open elsewhere").with_source(error)
        }
        _ => failed("lock the ledger")(error),
    })?;
    let files = disk.list("").map_err(failed("list the ledger"))?;
    if files.iter().any(|name| name.ends_with(".jsonl")) {
        let message = "a ledger of an older form is there: keep it, and begin a new one elsewhere";
        return Err(Error::new(ErrorKind::Damaged, message));
    }
    let stamps = Arc::new(Stamps::new(Arc::clone(&options.clock), secret::random()?));
    let epoch = Epoch::load(&*disk, options.signer.clone())?;
    let is_new = epoch.is_none();
    if is_new {
        check_unborn(&*disk)?;
    }
    let secret = secret::load(&*disk, is_new)?;
    let epoch = match epoch {
        Some(epoch) => epoch,
        None => begin(&*disk, options, &stamps)?,
    };
    let keys = Keys::load(&*disk).map_err(failed("read the keys of the vault"))?;
    let sealing = Arc::new(Sealing::new(&secret, keys)?);
    let end = recover::end(&*disk, &epoch)?;
    check_published(&*disk, &epoch, &end)?;
    let crashed = match disk.open(OPEN) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed("look how the ledger ended")(error)),
    };
    let orphans = match crashed {
        true => orphans(&*disk, &end)?,
        false => Vec::new(),
    };
    let mut boot = [0; 16];
    boot.clone_from_slice(secret::random()?.split_at(16).0);
    let segment = Segment::resume(&*disk, end.segment, options.segment_bytes);
    let (tiles, published) = tiles(&*disk, &end.tip, crashed)?;
    let mut writer = Writer {
        boot: Boot {
            _lock: lock,
            id: boot,
            mono: options.clock.monotonic(),
            drift: None,
        },
        tree: Published {
            tiles,
            size: published,
            is_witnessed: options.is_witnessed,
        },
        segment: segment.map_err(failed("continue the ledger"))?,
        tip: end.tip.clone(),
        is_broken: false,
        key_room: 0,
        disk,
        sealing,
        stamps,
        epoch,
    };
    settle(&mut writer, &end, orphans, crashed)?;
    Ok(Opened {
        writer,
        content: ContentKey::new(&secret),
    })
}

fn begin(disk: &dyn Disk, options: &Options, stamps: &Stamps) -> Result<Epoch, Error> {
    let (id, time) = stamps.next();
    let now = u64::try_from(time.as_second()).unwrap_or_default();
    Epoch::begin(
        disk,
        (options.origin.as_deref(), id),
        options.signer.clone(),
        now,
    )
}

/// Says in the ledger what a crash left, and ends what it interrupted.
fn settle(
    writer: &mut Writer,
    end: &End,
    orphans: Vec<RecordId>,
    crashed: bool,
) -> Result<(), Error> {
    if !crashed {
        let file = writer.disk.create(OPEN);
        file.and_then(|file| file.sync())
            .and_then(|()| writer.disk.sync_dir(""))
            .map_err(failed("mark the ledger as open"))?;
    }
    finish_rotation(writer)?;
    let (bytes, records) = end.torn;
    let segment = end.segment.map_or(0, |(first, _)| first);
    let recovered = (bytes > 0).then_some(Event::Recovered(Recovered {
        segment,
        bytes,
        records,
    }));
    let unknown = orphans.into_iter().map(|intent| {
        Event::Outcome(Box::new(OutcomeRecord {
            intent,
            facts: Vec::new(),
            end: unknown(),
        }))
    });
    // All at once: who looks for what is open looks no further back than this.
    writer.say_all(recovered.into_iter().chain(unknown).collect())?;
    writer.finish_erasure()
}

/// Nothing is there but what a crash left of beginning a ledger.
fn check_unborn(disk: &dyn Disk) -> Result<(), Error> {
    let io = |error| failed("list the ledger")(error);
    let segments = recover::segments(disk).map_err(io)?;
    let keys = disk.list("keys").map_err(io)?;
    let is_unborn = |name: &String| name.starts_with("epoch-0000000000.key");
    if segments.is_empty() && keys.iter().all(is_unborn) {
        return Ok(());
    }
    let message = "records or keys of a ledger are there, and no file `origin` that names it";
    Err(Error::new(ErrorKind::Damaged, message))
}

fn unknown() -> Ended {
    Ended {
        outcome: Outcome::Unknown,
        cause: None,
        messages: 0,
        bytes: 0,
        digest: None,
        duration_us: 0,
    }
}

/// A key that the ledger names as the next signs from there on, whatever came in between.
fn finish_rotation(writer: &mut Writer) -> Result<(), Error> {
    let names_next = writer.tip.last.as_ref().is_some_and(recover::is_rotation);
    let size = writer.tip.size();
    let ended = writer.epoch.epochs().rotations().last();
    if names_next && ended.is_none_or(|rotation| rotation.size() < size) {
        let next = writer.epoch.prepared_key(&*writer.disk)?;
        let next = next.ok_or_else(|| {
            Error::new(
                ErrorKind::Damaged,
                "the ledger names a key that is not there",
            )
        })?;
        writer.publish()?;
        writer.epoch.change(&*writer.disk, size, next)?;
    }
    if writer.epoch.since().is_some() {
        writer.epoch.tidy(&*writer.disk)?;
    }
    Ok(())
}

/// What was published is not beyond the end, and no other history.
fn check_published(disk: &dyn Disk, epoch: &Epoch, end: &End) -> Result<(), Error> {
    let note = match disk.read(CHECKPOINT, MAX_CHECKPOINT) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read the checkpoint")(error)),
    };
    let (size, root) = epoch.knows(&note).ok_or_else(|| {
        Error::new(
            ErrorKind::Damaged,
            "the checkpoint is not signed by this ledger",
        )
    })?;
    let tip = &end.tip;
    if size > tip.size() || (size == tip.size() && root != tip.frontier.root()) {
        let message = format!(
            "the ledger ends at {}, and a checkpoint of {size} was published: it was cut or rolled back",
            tip.size()
        );
        return Err(Error::new(ErrorKind::Damaged, message));
    }
    Ok(())
}

/// The edge of the tree, from its files or else from the segments.
fn tiles(disk: &dyn Disk, tip: &Tip, crashed: bool) -> Result<(Tiles, u64), Error> {
    let published = disk.read(CHECKPOINT, MAX_CHECKPOINT).ok();
    let size = published.as_deref().and_then(size_of).unwrap_or_default();
    let loaded = Tiles::load(disk, size).map_err(failed("read tiles"))?;
    if crashed {
        let tiles = loaded.clone().unwrap_or_default();
        let tidied = tiles.tidy(disk, tip.size());
        tidied.map_err(failed("remove old tiles"))?;
    }
    if let Some(tiles) = loaded
        && let Some(tiles) = catch_up(disk, tiles, tip)?
    {
        return Ok((tiles, size));
    }
    let firsts = recover::segments(disk).map_err(failed("list segments"))?;
    let first = firsts.first().copied().unwrap_or_default();
    let before = Tiles::rebuild(disk, first).map_err(failed("read tiles"))?;
    let rebuilt = catch_up(disk, before, tip)?;
    let tiles = rebuilt
        .ok_or_else(|| Error::new(ErrorKind::Damaged, "the tiles of the ledger are not whole"))?;
    Ok((tiles, size))
}

fn size_of(note: &[u8]) -> Option<u64> {
    std::str::from_utf8(note).ok()?.lines().nth(1)?.parse().ok()
}

/// Adds to the tiles what the segments have more; none where the two do not go together.
fn catch_up(disk: &dyn Disk, mut tiles: Tiles, tip: &Tip) -> Result<Option<Tiles>, Error> {
    let io = |error| failed("read the ledger")(error);
    let firsts = recover::segments(disk).map_err(io)?;
    let from = tiles.size();
    let begin = firsts.iter().rposition(|first| *first <= from);
    let Some(begin) = begin else {
        return Ok((tip.size() == from).then_some(tiles));
    };
    for first in firsts.iter().skip(begin) {
        let bytes = recover::load(disk, *first).map_err(io)?;
        each_record(&bytes, |leaf, bytes, _| {
            if leaf.seq == tiles.size() && leaf.seq < tip.size() {
                tiles.push(bytes, leaf_hash(bytes));
            }
        });
    }
    if tiles.frontier().as_ref() != Some(&tip.frontier) {
        return Ok(None);
    }
    tiles.write_full(disk).map_err(failed("write tiles"))?;
    Ok(Some(tiles))
}

/// Each record of a segment, as far as its frames are whole.
pub(crate) fn each_record(bytes: &[u8], mut with: impl FnMut(Leaf, &[u8; LEAF], &[u8])) {
    let mut rest = bytes;
    while let Ok(Some(frame)) = read_frame(rest) {
        if let Some((leaf, bytes, body)) = record(&frame) {
            with(leaf, bytes, body);
        }
        rest = rest.get(frame.length()..).unwrap_or_default();
    }
}

fn record<'a>(frame: &Frame<'a>) -> Option<(Leaf, &'a [u8; LEAF], &'a [u8])> {
    if frame.kind != FrameKind::Record {
        return None;
    }
    let (leaf, body) = frame.payload.split_first_chunk::<LEAF>()?;
    Some((Leaf::decode(leaf).ok()?, leaf, body))
}

#[derive(Deserialize)]
struct Ids {
    id: RecordId,
    intent: Option<RecordId>,
}

/// The intents of the last opening that have no outcome, in their order.
fn orphans(disk: &dyn Disk, end: &End) -> Result<Vec<RecordId>, Error> {
    let Some(last) = &end.tip.last else {
        return Ok(Vec::new());
    };
    let io = |error| failed("read the ledger")(error);
    let mut open = BTreeMap::new();
    // Outcomes stand behind their intents, so from the newest segment on they are met first.
    let mut closed = HashSet::new();
    for first in recover::segments(disk).map_err(io)?.iter().rev() {
        let bytes = recover::load(disk, *first).map_err(io)?;
        let mut is_older = false;
        let mut intents = Vec::new();
        each_record(&bytes, |leaf, _, body| {
            is_older |= leaf.boot_id != last.boot_id;
            let is_call = matches!(leaf.kind, Kind::INTENT | Kind::OUTCOME);
            if !is_call || leaf.boot_id != last.boot_id || leaf.seq >= end.tip.size() {
                return;
            }
            let ids = Body::decode(body).ok();
            let ids = ids.and_then(|it| serde_json::from_str::<Ids>(it.public()).ok());
            match ids {
                Some(Ids {
                    intent: Some(intent),
                    ..
                }) => drop(closed.insert(intent)),
                Some(Ids { id, .. }) => intents.push((leaf.seq, id)),
                None => {}
            }
        });
        intents.retain(|(_, id)| !closed.remove(id));
        open.extend(intents);
        if is_older {
            break;
        }
    }
    Ok(open.into_values().collect())
}

/// The ledger was closed, and nothing is left open in it.
pub(crate) fn close(writer: &mut Writer) -> Result<(), Error> {
    writer.close()?;
    writer
        .disk
        .remove(OPEN)
        .map_err(failed("mark the ledger as closed"))
}
