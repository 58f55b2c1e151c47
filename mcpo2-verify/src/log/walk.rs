use std::io;

use crate::{Frame, FrameKind, Frontier, Hash, LEAF, SegmentHeader, segment_name};

use super::{
    Attack, Counts, Event, Files, Finding, Tail, Vault, files, keys::Keys, mark::Marks,
    segments::Segments, tiles::Tiles, window::Next, window::Window,
};

mod commit;
mod damage;
mod end;
mod record;
mod state;

use damage::or_reordered;
pub(super) use state::{Behind, State};

/// A walk through the frames of a ledger.
pub(super) struct Walk<'a, F: ?Sized> {
    pub(super) ledger: &'a F,
    pub(super) keys: &'a Keys,
    pub(super) watch: &'a mut dyn FnMut(Event<'_>),
    pub(super) state: State,
    pub(super) counts: Counts,
    asked: Asked,
    marks: Marks,
    tiles: Option<Tiles<'a, F>>,
    tail: Tail,
}

struct Asked {
    vault: Vault,
    /// Where the walk may end; `None` for the end.
    until: Option<u64>,
}

impl<'a, F: Files + ?Sized> Walk<'a, F> {
    pub(super) fn new(
        ledger: &'a F,
        keys: &'a Keys,
        vault: Vault,
        watch: &'a mut dyn FnMut(Event<'_>),
    ) -> Self {
        let epochs = u64::try_from(keys.rotations().len()).unwrap_or(u64::MAX);
        Self {
            ledger,
            keys,
            watch,
            state: State::new(),
            counts: Counts {
                epochs: epochs.saturating_add(1),
                ..Counts::default()
            },
            asked: Asked { vault, until: None },
            marks: Marks::default(),
            tiles: Some(Tiles::new(ledger)),
            tail: Tail::default(),
        }
    }

    pub(super) fn with_marks(mut self, marks: Marks) -> Self {
        self.marks = marks;
        self
    }

    pub(super) fn until(mut self, end: u64) -> Self {
        self.asked.until = Some(end);
        self.tiles = None;
        self
    }

    /// Begins with the first record, or with what stands in for those that were removed.
    pub(super) fn begin(&mut self, segments: &Segments) -> Result<(), Finding> {
        self.marks.meet(&self.state.tree, None);
        let first = segments.first().unwrap_or(0);
        self.front(first)?;
        self.state.first = first;
        Ok(())
    }

    /// Begins with what the header of the first segment says; a commit behind it will tell.
    pub(super) fn begin_within(&mut self, segments: &Segments) -> Result<(), Finding> {
        let first = segments.first().unwrap_or(0);
        let mut window = self.open(first)?;
        let header = match window.next().map_err(|error| io(first, error))? {
            Next::Frame(_, frame) => read_header(&frame)?,
            Next::End(_) | Next::Fault(..) => return Err(no_header().at(first, 0)),
        };
        let tree = Frontier::from_hashes(first, header.frontier);
        let tree = tree.map_err(|error| no_header().of(error).at(first, 0))?;
        self.state = State::within(tree, header.prev_chain);
        Ok(())
    }

    /// Walks all segments, or as far as it was asked to.
    pub(super) fn all(&mut self, segments: &Segments) -> Result<(), Finding> {
        for (first, is_last) in segments.iter() {
            let walked = self.segment(first, is_last);
            walked.map_err(|finding| finding.with_proven(self.state.proven.size))?;
            if self.is_done() {
                break;
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let committed = self.state.proven.size;
        self.asked.until.is_some_and(|end| end <= committed)
    }

    fn segment(&mut self, first: u64, is_last: bool) -> Result<(), Finding> {
        self.begins_where_the_last_ended(first)?;
        let mut window = self.open(first)?;
        let mut at_header = true;
        while !self.is_done() {
            match window.next().map_err(|error| io(first, error))? {
                Next::Frame(offset, frame) => {
                    let held = match at_header {
                        true => self.header(first, &frame),
                        false => self.frame(&frame),
                    };
                    at_header = false;
                    let kind = frame.kind;
                    match held.map_err(|finding| finding.at(first, offset)) {
                        Ok(()) => {}
                        Err(finding) if kind == FrameKind::Record => {
                            return Err(or_reordered(finding, &mut window));
                        }
                        Err(finding) => return Err(finding),
                    }
                }
                Next::End(offset) => {
                    let clean = window.only_zeros_follow();
                    return match clean.map_err(|error| io(first, error))? {
                        // of the last one, only the file may have come to be before a crash
                        true if at_header && !is_last => Err(no_header().at(first, offset)),
                        true => Ok(()),
                        false => self.torn(&mut window, None, is_last, (first, offset)),
                    };
                }
                Next::Fault(offset, fault) => {
                    return self.torn(&mut window, Some(fault), is_last, (first, offset));
                }
            }
        }
        Ok(())
    }

    fn begins_where_the_last_ended(&self, first: u64) -> Result<(), Finding> {
        let next = self.state.next;
        let (attack, why) = match first.cmp(&next) {
            std::cmp::Ordering::Equal => return Ok(()),
            std::cmp::Ordering::Greater => (
                Attack::Removed,
                format!("records {next} to {} are missing", first.saturating_sub(1)),
            ),
            std::cmp::Ordering::Less => (
                Attack::Inserted,
                format!("a segment begins with record {first}, which is there already"),
            ),
        };
        Err(Finding::new(attack, why).seq_at(next.min(first)))
    }

    fn header(&mut self, first: u64, frame: &Frame<'_>) -> Result<(), Finding> {
        self.values_are_there()?;
        let header = read_header(frame).map_err(|finding| finding.seq_at(self.state.next))?;
        let foreign = |why| Finding::new(Attack::Foreign, why).seq_at(self.state.proven.size);
        if frame.seq != first {
            let why = "a segment stands under the name of another";
            return Err(Finding::new(Attack::Reordered, why).seq_at(self.state.proven.size));
        }
        if header.origin != self.keys.origin() {
            return Err(foreign("a segment is of another log"));
        }
        let continues = self.state.chain.is_none_or(|it| it == header.prev_chain);
        if !continues || self.state.tree.hashes() != header.frontier {
            // where all that stands before is proven, it is the segment that is another's
            let attack = match self.state.next > self.state.proven.size {
                true => Attack::Edited,
                false => Attack::Foreign,
            };
            let finding = foreign("a segment does not continue what stands before");
            return Err(finding.with_attack(attack));
        }
        self.state.chain = Some(header.prev_chain);
        self.state.behind = Behind::Other;
        self.counts.segments = self.counts.segments.saturating_add(1);
        (self.watch)(Event::Segment(first));
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), Finding> {
        if frame.kind != FrameKind::Vault {
            self.values_are_there()?;
        }
        match frame.kind {
            FrameKind::Header => {
                let why = "a segment has a second header";
                Err(Finding::new(Attack::Inserted, why).seq_at(self.state.next))
            }
            FrameKind::Record => self.record(frame),
            FrameKind::Vault => self.values(frame),
            FrameKind::Commit => self.commit(frame),
        }
    }

    /// Takes a leaf into the tree.
    pub(super) fn push(
        &mut self,
        leaf: Option<&[u8; LEAF]>,
        hash: Hash,
        wall_ns: Option<u64>,
    ) -> Result<(), Finding> {
        let seq = self.state.next;
        if let Some(tiles) = &mut self.tiles {
            let pushed = tiles.push(seq, leaf, hash);
            pushed.map_err(|finding| finding.seq_at(self.state.proven.size))?;
        }
        self.state.tree.push(hash);
        let next = seq.checked_add(1);
        self.state.next = next.ok_or_else(|| Finding::new(Attack::Edited, "numbers end here"))?;
        self.marks.meet(&self.state.tree, wall_ns);
        Ok(())
    }

    pub(super) fn vault_is_required(&self) -> bool {
        self.asked.vault == Vault::Required
    }

    fn open(&self, first: u64) -> Result<Window<'a>, Finding> {
        let file = self.ledger.open(&format!("seg/{}", segment_name(first)));
        Ok(Window::new(file.map_err(|error| io(first, error))?))
    }
}

fn read_header(frame: &Frame<'_>) -> Result<SegmentHeader, Finding> {
    if frame.kind != FrameKind::Header {
        return Err(no_header());
    }
    SegmentHeader::decode(frame.payload).map_err(|error| no_header().of(error))
}

fn no_header() -> Finding {
    Finding::new(Attack::Edited, "a segment has no header")
}

fn io(first: u64, error: io::Error) -> Finding {
    files::unreadable(&format!("seg/{}", segment_name(first)), error)
}
