//! The segment that is written to, and the room that is kept for the next.

use std::io;

use mcpo2_verify::{FrameKind, SegmentHeader, key::KeyName, segment_name, write_frame};

use super::failed;
use crate::{Disk, DiskFile, Error, ErrorKind, recover::Tip};

const SPARE: &str = "seg/reserve";
/// How much room is taken at once.
const CHUNK: u64 = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Segment {
    /// None before the first record.
    open: Option<Open>,
    /// How long it may become.
    limit: u64,
    /// Whether there is room for another, whatever else fills the disk.
    spare: bool,
}

#[derive(Debug)]
struct Open {
    file: Box<dyn DiskFile>,
    /// Where the next frame goes.
    end: u64,
    /// How much room there is for it.
    room: u64,
    /// Whether something stands in it but its header.
    used: bool,
}

impl Segment {
    /// Goes on behind `end` of the segment of this number, and cuts what stands there.
    pub(crate) fn resume(
        disk: &dyn Disk,
        segment: Option<(u64, u64)>,
        limit: u64,
    ) -> io::Result<Self> {
        let open = match segment {
            None => None,
            Some((first, end)) => {
                let file = disk.open(&path(first))?;
                // What is cut is to be zeros, should it be written over in part.
                file.set_len(end)?;
                file.sync()?;
                Some(Open {
                    file,
                    end,
                    room: end,
                    used: true,
                })
            }
        };
        let spare = disk.open(SPARE).is_ok();
        Ok(Self { open, limit, spare })
    }

    /// Sees to it that so many bytes can be written, in a new segment where this one has no room.
    pub(crate) fn make_room(
        &mut self,
        disk: &dyn Disk,
        bytes: usize,
        tip: &Tip,
        origin: &KeyName,
    ) -> Result<(), Error> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let fits = |open: &Open| !open.used || open.end.saturating_add(bytes) <= self.limit;
        if self.open.as_ref().is_none_or(|open| !fits(open)) {
            self.begin(disk, tip, origin)?;
        }
        match self.allocate(bytes) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull && self.spare => {
                self.begin(disk, tip, origin)?;
                self.allocate(bytes)
            }
            done => done,
        }
        .map_err(failed("take room for the ledger"))
    }

    /// Writes behind what is there, and makes it safe.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(io::ErrorKind::NotFound)?;
        open.file.write_all_at(bytes, open.end)?;
        open.file.sync()?;
        open.end += u64::try_from(bytes.len()).unwrap_or_default();
        open.used = true;
        Ok(())
    }

    /// Keeps room for another segment; false where there is none.
    pub(crate) fn keep_spare(&mut self, disk: &dyn Disk) -> bool {
        if !self.spare {
            self.spare = match make_spare(disk, CHUNK.min(self.limit)) {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(%error, "no room can be kept for the ledger");
                    // What was made of it is in the way of others.
                    let _ = disk.remove(SPARE);
                    false
                }
            };
        }
        self.spare
    }

    /// Gives back the room that was kept.
    pub(crate) fn close(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if let Some(open) = &self.open {
            open.file.set_len(open.end)?;
        }
        if std::mem::take(&mut self.spare) {
            disk.remove(SPARE)?;
        }
        Ok(())
    }

    /// Begins a new segment behind this tip, in the room that was kept if there is any.
    fn begin(&mut self, disk: &dyn Disk, tip: &Tip, origin: &KeyName) -> Result<(), Error> {
        let opened = self.open_new(disk, tip.size());
        let mut open = opened.map_err(failed("begin a segment"))?;
        let header = SegmentHeader::new(tip.chain, &tip.frontier, origin.as_str());
        let unfit = |source| {
            Error::new(ErrorKind::Io, "the header of a segment does not fit").with_source(source)
        };
        let header = header.encode().map_err(|error| unfit(error.to_string()))?;
        let mut frame = Vec::new();
        write_frame(&mut frame, FrameKind::Header, tip.size(), &[&header])
            .map_err(|error| unfit(error.to_string()))?;
        let written = open.file.write_all_at(&frame, 0);
        let safe = written.and_then(|()| open.file.sync());
        let safe = safe.and_then(|()| disk.sync_dir("seg"));
        safe.map_err(failed("begin a segment"))?;
        open.end = u64::try_from(frame.len()).unwrap_or_default();
        let before = self.open.replace(open);
        if let Some(before) = before {
            // It is safe as it is; zeros at its end do no harm.
            let _ = before.file.set_len(before.end);
        }
        Ok(())
    }

    fn open_new(&mut self, disk: &dyn Disk, first: u64) -> io::Result<Open> {
        let name = path(first);
        let file = match std::mem::take(&mut self.spare) {
            true => {
                disk.rename(SPARE, &name)?;
                disk.open(&name)?
            }
            false => disk.create(&name)?,
        };
        let room = file.len()?;
        Ok(Open {
            file,
            end: 0,
            room,
            used: false,
        })
    }

    fn allocate(&mut self, bytes: u64) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let wanted = open.end.saturating_add(bytes);
        if wanted > open.room {
            let more = open.end.saturating_add(CHUNK).min(self.limit).max(wanted);
            open.file.allocate(more)?;
            open.room = more;
        }
        Ok(())
    }
}

fn make_spare(disk: &dyn Disk, bytes: u64) -> io::Result<()> {
    let file = disk.create(SPARE)?;
    file.allocate(bytes)?;
    file.sync()?;
    disk.sync_dir("seg")
}

fn path(first: u64) -> String {
    format!("seg/{}", segment_name(first))
}
