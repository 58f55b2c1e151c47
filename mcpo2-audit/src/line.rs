//! The form of one line:
//!
//! ```text
//! {"seq":N,"prev":"b3:…","hash":"b3:…","record":{…}}
//! ```
//!
//! `hash` is BLAKE3 in its mode for derived keys over `prev`, `seq`, the length of the record and
//! the record's bytes as they stand. A reader hashes these bytes and never writes a record anew,
//! so no question of canonical JSON comes up.

use std::sync::LazyLock;

use mcpo2_core::Digest;

use crate::Record;

/// The longest line, in bytes; no honest one comes near it.
pub const MAX_LINE: usize = 256 * 1024;

const CONTEXT: &str = "mcpo2 2026 audit chain v1";

/// Room for what stands around a record.
const ROOM: usize = 256;

/// What the first record of a ledger follows.
pub(crate) const GENESIS: Digest = Digest::from_bytes([0; 32]);

/// One line of a segment, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    seq: u64,
    prev: Digest,
    hash: Digest,
    record: &'a [u8],
}

/// The bytes are no line of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a line of a ledger")]
pub struct LineError;

/// Reads one line, without its line feed. Exactly one text stands for each value.
///
/// It does not check the hash: [`Line::is_intact`] does.
///
/// # Errors
///
/// [`LineError`] for bytes in any other form.
pub fn parse_line(bytes: &[u8]) -> Result<Line<'_>, LineError> {
    let rest = after(bytes, br#"{"seq":"#)?;
    let (seq, rest) = number(rest)?;
    let (prev, rest) = digest(after(rest, br#","prev":""#)?)?;
    let (hash, rest) = digest(after(rest, br#"","hash":""#)?)?;
    let record = after(rest, br#"","record":"#)?;
    let record = record.strip_suffix(b"}").ok_or(LineError)?;
    let object = record.starts_with(b"{") && record.ends_with(b"}") && !record.contains(&b'\n');
    let line = Line {
        seq,
        prev,
        hash,
        record,
    };
    object.then_some(line).ok_or(LineError)
}

impl<'a> Line<'a> {
    /// The number of the record, from 0.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The hash of the line before; all zero for the first of a ledger.
    #[must_use]
    pub fn prev(&self) -> Digest {
        self.prev
    }

    /// The hash of this line.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The bytes of the record.
    #[must_use]
    pub fn record_bytes(&self) -> &'a [u8] {
        self.record
    }

    /// Whether the hash is that of what stands in the line.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        link(self.prev, self.seq, self.record) == self.hash
    }

    /// The record, read.
    ///
    /// # Errors
    ///
    /// Where it is no record of this version.
    pub fn record(&self) -> Result<Record, serde_json::Error> {
        serde_json::from_slice(self.record)
    }
}

/// The hash of a line.
pub(crate) fn link(prev: Digest, seq: u64, record: &[u8]) -> Digest {
    static CHAIN: LazyLock<blake3::Hasher> =
        LazyLock::new(|| blake3::Hasher::new_derive_key(CONTEXT));
    let length = u64::try_from(record.len()).unwrap_or(u64::MAX);
    let mut hasher = CHAIN.clone();
    hasher
        .update(prev.as_bytes())
        .update(&seq.to_le_bytes())
        .update(&length.to_le_bytes())
        .update(record);
    hasher.finalize().into()
}

/// Writes a line with its line feed, and gives its hash.
pub(crate) fn write_line(to: &mut Vec<u8>, prev: Digest, seq: u64, record: &[u8]) -> Digest {
    let hash = link(prev, seq, record);
    to.reserve(record.len().saturating_add(ROOM));
    to.extend_from_slice(br#"{"seq":"#);
    // Writing to a Vec cannot fail.
    let _ = serde_json::to_writer(&mut *to, &seq);
    to.extend_from_slice(br#","prev":""#);
    to.extend_from_slice(&prev.to_ascii());
    to.extend_from_slice(br#"","hash":""#);
    to.extend_from_slice(&hash.to_ascii());
    to.extend_from_slice(br#"","record":"#);
    to.extend_from_slice(record);
    to.extend_from_slice(b"}\n");
    hash
}

fn after<'a>(bytes: &'a [u8], prefix: &[u8]) -> Result<&'a [u8], LineError> {
    bytes.strip_prefix(prefix).ok_or(LineError)
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), LineError> {
    let end = bytes
        .iter()
        .position(|b| !b.is_ascii_digit())
        .ok_or(LineError)?;
    let (digits, rest) = bytes.split_at_checked(end).ok_or(LineError)?;
    let text = std::str::from_utf8(digits).map_err(|_| LineError)?;
    if digits.len() > 1 && digits.starts_with(b"0") {
        return Err(LineError);
    }
    Ok((text.parse().map_err(|_| LineError)?, rest))
}

fn digest(bytes: &[u8]) -> Result<(Digest, &[u8]), LineError> {
    let (text, rest) = bytes.split_at_checked(67).ok_or(LineError)?;
    let text = std::str::from_utf8(text).map_err(|_| LineError)?;
    // Upper case would be a second text for the same digest.
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(LineError);
    }
    Ok((text.parse().map_err(|_| LineError)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_exactly_one_text() {
        let mut text = Vec::new();
        let hash = write_line(&mut text, GENESIS, 0, br#"{"a":1}"#);
        let line = text.strip_suffix(b"\n").unwrap();
        let parsed = parse_line(line).unwrap();
        assert_eq!((parsed.seq(), parsed.hash()), (0, hash));
        assert!(parsed.is_intact());
        let text = String::from_utf8(line.to_vec()).unwrap();
        let hash = hash.to_string();
        for bad in [
            text.replace(":0,", ":00,"),
            text.replace(":0,", ":99999999999999999999,"),
            text.replace(&hash, &format!("b3:{}", hash[3..].to_uppercase())),
            format!(" {text}"),
            format!("{text}}}\n{{}}"),
            String::new(),
        ] {
            assert_eq!(parse_line(bad.as_bytes()), Err(LineError), "{bad}");
        }
    }
}
