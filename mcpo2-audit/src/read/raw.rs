use mcpo2_verify::{Body, FrameKind, LEAF, Leaf, read_frame, segment_name};
use serde::{Deserialize as _, de::Error as _};
use serde_json::Value;

use super::{Entry, ReadError};
use crate::{
    Record,
    record::put_back,
    vault::{ByTag, open},
};

/// A record as it stands in a segment.
#[derive(Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) leaf: Leaf,
    pub(crate) body: &'a [u8],
    pub(crate) vault: Vec<&'a [u8]>,
    offset: u64,
}

/// Shows the records of a segment that are committed, from this offset on, and says where the last
/// commit ends. The bytes are those from there on.
///
/// # Errors
///
/// [`ReadError::Damaged`], where something stands that is no frame, and the segment is not the
/// last.
pub(crate) fn committed<'a>(
    bytes: &'a [u8],
    (segment, from): (u64, u64),
    is_last: bool,
    mut with: impl FnMut(Raw<'a>),
) -> Result<u64, ReadError> {
    let mut at = 0;
    let place = |at: usize| from.saturating_add(u64::try_from(at).unwrap_or_default());
    let mut end = from;
    let mut group: Vec<Raw<'a>> = Vec::new();
    loop {
        let frame = match read_frame(bytes.get(at..).unwrap_or_default()) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(end),
            Err(_) if is_last => return Ok(end),
            Err(_) => {
                return Err(ReadError::Damaged {
                    segment: segment_name(segment),
                    offset: place(at),
                });
            }
        };
        match frame.kind {
            FrameKind::Record => group.extend(Raw::of(frame.payload, place(at))),
            FrameKind::Vault => {
                if let Some(last) = group.last_mut() {
                    last.vault.push(frame.payload);
                }
            }
            FrameKind::Commit => {
                group.drain(..).for_each(&mut with);
                end = place(at + frame.length());
            }
            _ => {}
        }
        at += frame.length();
    }
}

/// A record as it stood in a segment.
#[derive(Debug)]
pub(super) struct Unread {
    leaf: Leaf,
    body: Box<[u8]>,
    vault: Vec<Box<[u8]>>,
    segment: u64,
    offset: u64,
}

impl Unread {
    /// The record, read.
    pub(super) fn entry(self, keys: &ByTag) -> Result<Entry, ReadError> {
        let raw = Raw {
            leaf: self.leaf,
            body: &self.body,
            vault: self.vault.iter().map(AsRef::as_ref).collect(),
            offset: self.offset,
        };
        raw.entry(self.segment, keys)
    }
}

impl<'a> Raw<'a> {
    fn of(payload: &'a [u8], offset: u64) -> Option<Self> {
        let (leaf, body) = payload.split_first_chunk::<LEAF>()?;
        Some(Self {
            leaf: Leaf::decode(leaf).ok()?,
            body,
            vault: Vec::new(),
            offset,
        })
    }

    /// The same, of a segment that does not stay.
    pub(super) fn unread(self, segment: u64) -> Unread {
        let vault = self.vault.iter().map(|frame| Box::from(*frame));
        Unread {
            leaf: self.leaf,
            body: self.body.into(),
            vault: vault.collect(),
            segment,
            offset: self.offset,
        }
    }

    /// The record, read.
    pub(crate) fn entry(self, segment: u64, keys: &ByTag) -> Result<Entry, ReadError> {
        let seq = self.leaf.seq;
        let parsed = self.json(keys).and_then(|json| {
            let record = Record::deserialize(&json)?;
            Ok((json, record))
        });
        let (json, record) = parsed.map_err(|source| ReadError::Record { seq, source })?;
        Ok(Entry {
            seq,
            leaf: self.leaf,
            segment,
            offset: self.offset,
            record,
            json,
        })
    }

    /// What is personal in it, where the keys are there: path, salt and value.
    pub(crate) fn opened(&self, keys: &ByTag) -> Vec<(String, [u8; 32], String)> {
        let frames = self.vault.iter();
        frames
            .filter_map(|frame| open(keys, frame))
            .flatten()
            .collect()
    }

    fn json(&self, keys: &ByTag) -> Result<Value, serde_json::Error> {
        let body = Body::decode(self.body).map_err(serde_json::Error::custom)?;
        let mut json = serde_json::from_str(body.public())?;
        let opened = self.opened(keys);
        let values = opened.iter();
        let values = values.map(|(path, _, value)| (path.as_str(), value.as_str()));
        put_back(&mut json, values);
        Ok(json)
    }
}
