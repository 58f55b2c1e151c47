use crate::{Frontier, Hash, bytes::Bytes};

const MAGIC: &[u8; 8] = b"MCPO2SEG";
const VERSION: u16 = 1;
const DIGITS: usize = 20;

/// What stands in the first frame of a segment: what the segment continues.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentHeader {
    /// The chain before the first record.
    pub prev_chain: Hash,
    /// The tree before the first record: the roots of its subtrees, the largest first.
    pub frontier: Vec<Hash>,
    /// The name of the log.
    pub origin: String,
}

/// Why bytes are no header of a segment, or a header has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// They do not begin with `MCPO2SEG`.
    #[error("a segment begins with MCPO2SEG")]
    Magic,
    /// It is of another version.
    #[error("the segment is of another version")]
    Version,
    /// There are too few or too many bytes, or zeros are missing.
    #[error("the header of a segment is not whole")]
    Length,
    /// The origin is empty, has a line break, is no UTF-8 or has more than 65535 bytes.
    #[error("the header of a segment has a bad origin")]
    Origin,
}

impl SegmentHeader {
    /// A header of these parts.
    #[must_use]
    pub fn new(prev_chain: Hash, frontier: &Frontier, origin: impl Into<String>) -> Self {
        Self {
            prev_chain,
            frontier: frontier.hashes().to_vec(),
            origin: origin.into(),
        }
    }

    /// The payload of the frame.
    ///
    /// # Errors
    ///
    /// Where the origin is none, or there are more than 255 hashes.
    pub fn encode(&self) -> Result<Vec<u8>, SegmentError> {
        let hashes = u8::try_from(self.frontier.len()).map_err(|_| SegmentError::Length)?;
        let origin = u16::try_from(self.origin.len()).map_err(|_| SegmentError::Origin)?;
        check_origin(&self.origin)?;
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.prev_chain);
        out.push(hashes);
        for hash in &self.frontier {
            out.extend_from_slice(hash);
        }
        out.extend_from_slice(&origin.to_le_bytes());
        out.extend_from_slice(self.origin.as_bytes());
        Ok(out)
    }

    /// Reads a header from the payload of a frame.
    ///
    /// # Errors
    ///
    /// Where [`encode`](Self::encode) would never have written these bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, SegmentError> {
        let mut bytes = Bytes(payload);
        if bytes.array() != Some(MAGIC) {
            return Err(SegmentError::Magic);
        }
        if bytes.u16() != Some(VERSION) {
            return Err(SegmentError::Version);
        }
        let (header, rest) = Self::fields(bytes).ok_or(SegmentError::Length)?;
        let origin = String::from_utf8(rest.to_vec()).map_err(|_| SegmentError::Origin)?;
        check_origin(&origin)?;
        Ok(Self { origin, ..header })
    }

    fn fields(mut bytes: Bytes<'_>) -> Option<(Self, &[u8])> {
        bytes.u16().filter(|zero| *zero == 0)?;
        let prev_chain = *bytes.array()?;
        let hashes = bytes.u8()?;
        let frontier = (0..hashes)
            .map(|_| bytes.array().copied())
            .collect::<Option<_>>()?;
        let length = usize::from(bytes.u16()?);
        let origin = String::new();
        let header = Self {
            prev_chain,
            frontier,
            origin,
        };
        (bytes.0.len() == length).then_some((header, bytes.0))
    }
}

fn check_origin(origin: &str) -> Result<(), SegmentError> {
    if origin.is_empty() || origin.contains(char::is_control) {
        return Err(SegmentError::Origin);
    }
    Ok(())
}

/// The name of the file whose first record has this number.
#[must_use]
pub fn segment_name(first: u64) -> String {
    format!("{first:0DIGITS$}.seg")
}

/// The number of the first record of a segment, from the name of its file.
#[must_use]
pub fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let canonical = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| canonical)
}
