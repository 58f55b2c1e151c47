use crate::bytes::{Bytes, length};

/// The most bytes that a payload has.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// The most bytes that the payload of a commit has: a name of 255 bytes leaves much of it free.
pub const MAX_COMMIT: usize = 4096;
/// The bytes before a payload.
pub const FRAME_HEADER: usize = 17;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameKind {
    /// What a segment continues: a [`SegmentHeader`](crate::SegmentHeader).
    Header,
    /// A leaf and a body.
    Record,
    /// Personal values of the record before, encrypted.
    Vault,
    /// A checkpoint that covers all records before.
    Commit,
}

/// A frame, as it stands in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// What it holds.
    pub kind: FrameKind,
    /// The number of a record, or of records: its meaning depends on the kind.
    pub seq: u64,
    /// What it holds, never empty.
    pub payload: &'a [u8],
}

/// What is wrong with the bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameFault {
    /// The bytes end before the frame does.
    #[error("a frame is cut off")]
    Torn,
    /// It was damaged, or never written whole.
    #[error("a frame does not have its CRC")]
    BadCrc,
    /// It says to be longer than a frame may be.
    #[error("a frame is too long")]
    TooLong,
    /// It is whole, and of a kind that is not known.
    #[error("a frame is of no known kind")]
    UnknownKind,
    /// It has no payload, which would read as the end.
    #[error("a frame is empty")]
    Empty,
}

/// Where no frame can be read, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at offset {offset}")]
#[non_exhaustive]
pub struct FrameError {
    /// Where the frame begins.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: FrameFault,
}

/// The frames of a segment that is in memory, one after the other.
///
/// After an error, it yields the same error again.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl FrameKind {
    /// The byte for it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Record => 2,
            Self::Vault => 3,
            Self::Commit => 4,
        }
    }

    /// The kind with this byte.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Header),
            2 => Some(Self::Record),
            3 => Some(Self::Vault),
            4 => Some(Self::Commit),
            _ => None,
        }
    }
}

impl Frame<'_> {
    /// How many bytes the frame has, its header included.
    #[must_use]
    pub fn length(&self) -> usize {
        FRAME_HEADER.saturating_add(self.payload.len())
    }
}

impl<'a> Frames<'a> {
    /// The frames from the beginning of a segment.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Where the next frame begins.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes from there on.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// The next frame and where it begins; `None` at the end.
    ///
    /// # Errors
    ///
    /// Where there are bytes that are no frame.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would go on after an error"
    )]
    pub fn next(&mut self) -> Result<Option<(usize, Frame<'a>)>, FrameError> {
        let offset = self.offset;
        let read = read_frame(self.rest()).map_err(|fault| FrameError { offset, fault })?;
        Ok(read.map(|frame| {
            self.offset = offset.saturating_add(frame.length());
            (offset, frame)
        }))
    }
}

/// The frame at the front of some bytes; `None` where none follows.
///
/// # Errors
///
/// Where there are bytes that are no frame.
pub fn read_frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameFault> {
    let mut bytes = Bytes(bytes);
    let Some(size) = bytes.u32() else {
        let rest_is_zeros = bytes.0.iter().all(|byte| *byte == 0);
        return rest_is_zeros.then_some(None).ok_or(FrameFault::Torn);
    };
    if size == 0 {
        return Ok(None);
    }
    let size = length(size).filter(|size| *size <= MAX_PAYLOAD);
    let size = size.ok_or(FrameFault::TooLong)?;
    let (kind, crc, seq, payload) = parts(bytes, size).ok_or(FrameFault::Torn)?;
    if crc_of(kind, seq, &[payload]) != crc {
        return Err(FrameFault::BadCrc);
    }
    let kind = FrameKind::from_number(kind).ok_or(FrameFault::UnknownKind)?;
    Ok(Some(Frame { kind, seq, payload }))
}

fn parts(mut bytes: Bytes<'_>, size: usize) -> Option<(u8, u32, u64, &[u8])> {
    Some((bytes.u8()?, bytes.u32()?, bytes.u64()?, bytes.take(size)?))
}

/// Appends a frame whose payload is these parts, one behind the other.
///
/// # Errors
///
/// [`TooLong`](FrameFault::TooLong) and [`Empty`](FrameFault::Empty); then nothing is appended.
pub fn write_frame(
    out: &mut Vec<u8>,
    kind: FrameKind,
    seq: u64,
    parts: &[&[u8]],
) -> Result<(), FrameFault> {
    let size = parts.iter().map(|part| part.len()).sum::<usize>();
    if size == 0 {
        return Err(FrameFault::Empty);
    }
    let length = u32::try_from(size).map_err(|_| FrameFault::TooLong)?;
    if size > MAX_PAYLOAD {
        return Err(FrameFault::TooLong);
    }
    out.reserve(FRAME_HEADER.saturating_add(size));
    out.extend_from_slice(&length.to_le_bytes());
    out.push(kind.number());
    out.extend_from_slice(&crc_of(kind.number(), seq, parts).to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn crc_of(kind: u8, seq: u64, parts: &[&[u8]]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(&seq.to_le_bytes());
    for part in parts {
        crc.update(part);
    }
    crc.finalize()
}
