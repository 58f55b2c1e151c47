use std::io::{self, Read};

use crate::{FRAME_HEADER, Frame, FrameFault, FrameKind, MAX_COMMIT, MAX_PAYLOAD, read_frame};

/// As much as there must be before a frame is read, unless the file ends.
const ENOUGH: usize = FRAME_HEADER + MAX_PAYLOAD;
const CAPACITY: usize = 4 * ENOUGH;

/// The frames of a segment, read from a file through a window of some megabytes.
pub(super) struct Window<'a> {
    file: Box<dyn Read + 'a>,
    bytes: Vec<u8>,
    /// Where the next frame begins in `bytes`.
    at: usize,
    /// Where `bytes` begins in the file.
    before: u64,
    at_end: bool,
}

/// What stands at an offset of a segment.
pub(super) enum Next<'w> {
    Frame(u64, Frame<'w>),
    /// Length zero, or the end of the file.
    End(u64),
    Fault(u64, FrameFault),
}

impl<'a> Window<'a> {
    pub(super) fn new(file: Box<dyn Read + 'a>) -> Self {
        Self {
            file,
            bytes: Vec::new(),
            at: 0,
            before: 0,
            at_end: false,
        }
    }

    /// The next frame. After anything but a frame, it is the same again.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        self.fill()?;
        let offset = self.offset();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        Ok(match read_frame(rest) {
            Ok(Some(frame)) => {
                self.at = self.at.saturating_add(frame.length());
                Next::Frame(offset, frame)
            }
            Ok(None) => Next::End(offset),
            Err(fault) => Next::Fault(offset, fault),
        })
    }

    /// Whether nothing but zeros follows. Only to be asked at the end: it reads on.
    pub(super) fn only_zeros_follow(&mut self) -> io::Result<bool> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if rest.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            if self.at_end {
                return Ok(true);
            }
            self.at = self.bytes.len();
            self.fill()?;
        }
    }

    /// Whether a commit follows that `is` one, though it may stand behind bytes that are no frame.
    pub(super) fn find_commit(
        &mut self,
        origin: &str,
        is: impl Fn(&Frame<'_>) -> bool,
    ) -> io::Result<bool> {
        loop {
            self.fill()?;
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if rest.len() < FRAME_HEADER {
                return Ok(false);
            }
            if looks_like_commit(rest, origin)
                && read_frame(rest).is_ok_and(|frame| frame.is_some_and(|frame| is(&frame)))
            {
                return Ok(true);
            }
            self.at = self.at.saturating_add(1);
        }
    }

    fn offset(&self) -> u64 {
        let at = u64::try_from(self.at).unwrap_or(u64::MAX);
        self.before.saturating_add(at)
    }

    /// Reads on until there is a whole frame or the file ends.
    fn fill(&mut self) -> io::Result<()> {
        if self.at_end || self.bytes.len().saturating_sub(self.at) >= ENOUGH {
            return Ok(());
        }
        self.before = self.offset();
        self.bytes.drain(..self.at.min(self.bytes.len()));
        self.at = 0;
        let more = CAPACITY.saturating_sub(self.bytes.len());
        let wanted = u64::try_from(more).unwrap_or(u64::MAX);
        let read = (&mut self.file).take(wanted).read_to_end(&mut self.bytes)?;
        self.at_end = read < more;
        Ok(())
    }
}

/// Cheap enough to be asked at every byte, so that a CRC need not be.
fn looks_like_commit(bytes: &[u8], origin: &str) -> bool {
    let Some((header, payload)) = bytes.split_first_chunk::<FRAME_HEADER>() else {
        return false;
    };
    let [a, b, c, d, kind, ..] = *header;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d]));
    kind == FrameKind::Commit.number()
        && length.is_ok_and(|length| length <= MAX_COMMIT)
        && payload.starts_with(origin.as_bytes())
}
