use bytes::{BufMut as _, Bytes, BytesMut};

use crate::Key;

const ROOT: [u8; 8] = *b"mcpo2rt1";
const PIN: [u8; 8] = *b"mcpo2pn1";
const CHECK: usize = 8;
const FOREVER: u64 = u64::MAX;

/// Bytes are no record, or are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a record of a store of blobs")]
pub struct RecordError(pub(super) ());

/// What a root is in a store: the objects that live as long as it does, by their names.
///
/// The bytes: `mcpo2rt1`, the logical bytes and the number of members as big-endian 64 bits, 8 bytes
/// of the BLAKE3 digest of those 24; 32 bytes that say what it is about to who has the keys of the
/// tenant, zeros where it is about nothing; the keys of the members in their order, each once; the
/// digest of all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootRecord {
    logical_bytes: u64,
    subject: [u8; 32],
    members: Vec<Key>,
}

impl RootRecord {
    /// How long the part is that says how many bytes a root stands for.
    pub(crate) const HEAD: usize = 24 + CHECK;

    /// A root of these members, in whatever order, with this many bytes of content.
    #[must_use]
    pub fn new(logical_bytes: u64, mut members: Vec<Key>) -> Self {
        members.sort_unstable();
        members.dedup();
        Self {
            logical_bytes,
            subject: [0; 32],
            members,
        }
    }

    /// The same, about something: 32 bytes that tell nothing without the keys of the tenant.
    #[must_use]
    pub fn with_subject(mut self, masked: [u8; 32]) -> Self {
        self.subject = masked;
        self
    }

    /// What it is about; none where nothing was said.
    #[must_use]
    pub fn subject(&self) -> Option<[u8; 32]> {
        (self.subject != [0; 32]).then_some(self.subject)
    }

    /// How many bytes of content it stands for.
    #[must_use]
    pub fn logical_bytes(&self) -> u64 {
        self.logical_bytes
    }

    /// Its members, in order.
    #[must_use]
    pub fn members(&self) -> &[Key] {
        &self.members
    }

    /// Its bytes: always the same of the same root.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let length = self.members.len().saturating_mul(32);
        let mut bytes = BytesMut::with_capacity(length.saturating_add(Self::HEAD + 64));
        bytes.put_slice(&ROOT);
        bytes.put_u64(self.logical_bytes);
        bytes.put_u64(self.members.len().try_into().unwrap_or(u64::MAX));
        let check = blake3::hash(&bytes);
        bytes.put_slice(
            check
                .as_bytes()
                .first_chunk::<CHECK>()
                .unwrap_or(&[0; CHECK]),
        );
        bytes.put_slice(&self.subject);
        for member in &self.members {
            bytes.put_slice(member.as_bytes());
        }
        let digest = blake3::hash(&bytes);
        bytes.put_slice(digest.as_bytes());
        bytes.freeze()
    }

    /// The root in these bytes.
    ///
    /// # Errors
    ///
    /// [`RecordError`] for anything that is not exactly what [`to_bytes`](Self::to_bytes) gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let body = checked(bytes)?;
        let (head, members) = body.split_at_checked(Self::HEAD).ok_or(RecordError(()))?;
        let (logical_bytes, count) = parse_head(head)?;
        let (subject, members) = members.split_first_chunk().ok_or(RecordError(()))?;
        let (members, rest) = members.as_chunks::<32>();
        let members: Vec<_> = members.iter().map(|key| Key::from_bytes(*key)).collect();
        let in_order = members.is_sorted_by(|one, next| one < next);
        if !rest.is_empty() || u64::try_from(members.len()) != Ok(count) || !in_order {
            return Err(RecordError(()));
        }
        Ok(Self {
            logical_bytes,
            subject: *subject,
            members,
        })
    }

    /// How many bytes of content a root stands for, from its first bytes.
    pub(crate) fn logical_bytes_of(head: &[u8]) -> Result<u64, RecordError> {
        parse_head(head).map(|(logical, _)| logical)
    }
}

fn parse_head(head: &[u8]) -> Result<(u64, u64), RecordError> {
    let (fields, check) = head.split_last_chunk::<CHECK>().ok_or(RecordError(()))?;
    let ([magic, logical, count], []) = fields.as_chunks::<8>() else {
        return Err(RecordError(()));
    };
    if *magic != ROOT || !blake3::hash(fields).as_bytes().starts_with(check) {
        return Err(RecordError(()));
    }
    Ok((u64::from_be_bytes(*logical), u64::from_be_bytes(*count)))
}

/// What a pin is in a store: a root, and until when it lives.
///
/// The bytes: `mcpo2pn1`, the key of the root, the time in seconds of the Unix epoch as big-endian 64
/// bits, all ones for ever, and the BLAKE3 digest of all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinRecord {
    /// The root that lives.
    pub root: Key,
    /// Until when, in seconds of the Unix epoch; none for as long as the pin is there.
    pub until: Option<u64>,
}

impl PinRecord {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(80);
        bytes.put_slice(&PIN);
        bytes.put_slice(self.root.as_bytes());
        bytes.put_u64(self.until.unwrap_or(FOREVER));
        let digest = blake3::hash(&bytes);
        bytes.put_slice(digest.as_bytes());
        bytes.freeze()
    }

    /// The pin in these bytes.
    ///
    /// # Errors
    ///
    /// [`RecordError`] for anything that is not exactly what [`to_bytes`](Self::to_bytes) gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let body = checked(bytes)?;
        let (magic, body) = body.split_first_chunk::<8>().ok_or(RecordError(()))?;
        let (root, until) = body.split_first_chunk::<32>().ok_or(RecordError(()))?;
        let until = <[u8; 8]>::try_from(until).map_err(|_| RecordError(()))?;
        if *magic != PIN {
            return Err(RecordError(()));
        }
        let until = u64::from_be_bytes(until);
        Ok(Self {
            root: Key::from_bytes(*root),
            until: (until != FOREVER).then_some(until),
        })
    }
}

/// What stands before the digest of it.
fn checked(bytes: &[u8]) -> Result<&[u8], RecordError> {
    let (body, digest) = bytes.split_last_chunk::<32>().ok_or(RecordError(()))?;
    match blake3::hash(body) == *digest {
        true => Ok(body),
        false => Err(RecordError(())),
    }
}
