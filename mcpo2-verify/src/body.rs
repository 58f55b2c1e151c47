use std::str;

use crate::{
    Hash,
    bytes::{Bytes, length},
};

/// The most bytes that a body has.
pub const MAX_BODY: usize = 96 << 10;
/// The bytes of a body before its public part: the length of that.
pub const BODY_HEAD: usize = 4;

/// What a record says: a public part, and commitments to what is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body<'a> {
    public: &'a str,
    commitments: Commitments<'a>,
}

/// The commitments of a [`Body`], sorted by path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitments<'a> {
    count: u16,
    bytes: &'a [u8],
}

/// A field that is not public: where it stands, and what binds its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commitment<'a> {
    /// A JSON pointer into the record.
    pub path: &'a str,
    /// What [`commitment`](crate::commitment) gives for the field's salt, path and value.
    pub hash: Hash,
}

/// Why bytes are no body or no values, or cannot become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A body has 96 KiB at most, and a path 255 bytes.
    #[error("a record is too long")]
    TooLong,
    /// It ends too early, or something stands behind its end.
    #[error("a record does not end where it says")]
    Length,
    /// A part of it is not UTF-8.
    #[error("a record has bytes that are no text")]
    Utf8,
    /// The public part does not begin and end as a JSON object does.
    #[error("a record has a public part that is no object")]
    NoObject,
    /// A path is no JSON pointer.
    #[error("a record has a path that is no JSON pointer")]
    Path,
    /// Paths are not sorted, or one stands twice.
    #[error("a record has paths out of order")]
    Order,
}

impl<'a> Body<'a> {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// Where [`encode_body`] would never have written these bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BodyError> {
        if bytes.len() > MAX_BODY {
            return Err(BodyError::TooLong);
        }
        let mut bytes = Bytes(bytes);
        let public = bytes.u32().and_then(length).and_then(|n| bytes.take(n));
        let public = text(public)?;
        check_object(public)?;
        let count = bytes.u16().ok_or(BodyError::Length)?;
        let commitments = Commitments {
            count,
            bytes: bytes.0,
        };
        let mut rest = bytes;
        check_all(count, &mut rest, |rest| {
            read_commitment(rest).map(|it| it.path)
        })?;
        Ok(Self {
            public,
            commitments,
        })
    }

    /// The public part, JSON text of an object.
    #[must_use]
    pub const fn public(&self) -> &'a str {
        self.public
    }

    /// What binds the other parts.
    #[must_use]
    pub const fn commitments(&self) -> Commitments<'a> {
        self.commitments
    }
}

impl Commitments<'_> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }
}

impl<'a> Iterator for Commitments<'a> {
    type Item = Commitment<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.count, &mut self.bytes, read_commitment)
    }
}

pub(crate) fn step<'a, T>(
    count: &mut u16,
    bytes: &mut &'a [u8],
    read: impl Fn(&mut Bytes<'a>) -> Result<T, BodyError>,
) -> Option<T> {
    *count = count.checked_sub(1)?;
    let mut rest = Bytes(bytes);
    let item = read(&mut rest).ok()?;
    *bytes = rest.0;
    Some(item)
}

fn read_commitment<'a>(bytes: &mut Bytes<'a>) -> Result<Commitment<'a>, BodyError> {
    let path = read_path(bytes)?;
    let hash = *bytes.array().ok_or(BodyError::Length)?;
    Ok(Commitment { path, hash })
}

pub(crate) fn read_path<'a>(bytes: &mut Bytes<'a>) -> Result<&'a str, BodyError> {
    let path = bytes.u8().and_then(|n| bytes.take(usize::from(n)));
    let path = text(path)?;
    check_path(path)?;
    Ok(path)
}

pub(crate) fn text(bytes: Option<&[u8]>) -> Result<&str, BodyError> {
    str::from_utf8(bytes.ok_or(BodyError::Length)?).map_err(|_| BodyError::Utf8)
}

/// Reads all that `count` says, and holds that paths are in order and nothing is left.
pub(crate) fn check_all<'a>(
    count: u16,
    bytes: &mut Bytes<'a>,
    path: impl Fn(&mut Bytes<'a>) -> Result<&'a str, BodyError>,
) -> Result<(), BodyError> {
    let mut before = None;
    for _ in 0..count {
        let path = path(bytes)?;
        if before.is_some_and(|before| before >= path) {
            return Err(BodyError::Order);
        }
        before = Some(path);
    }
    bytes.is_empty().then_some(()).ok_or(BodyError::Length)
}

fn check_object(public: &str) -> Result<(), BodyError> {
    let object = public.len() > 1 && public.starts_with('{') && public.ends_with('}');
    object.then_some(()).ok_or(BodyError::NoObject)
}

fn check_path(path: &str) -> Result<(), BodyError> {
    if !path.starts_with('/') || path.contains(|c: char| c < ' ') {
        return Err(BodyError::Path);
    }
    let mut escaped = path.split('~').skip(1);
    let escapes_are_known = escaped.all(|rest| rest.starts_with(['0', '1']));
    escapes_are_known.then_some(()).ok_or(BodyError::Path)
}

/// The bytes of a body.
///
/// # Errors
///
/// Where the public part is no object, or the commitments are not sorted by path.
pub fn encode_body(public: &[u8], commitments: &[(&str, Hash)]) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::with_capacity(public.len().saturating_add(BODY_HEAD + 2));
    out.extend_from_slice(&[0; BODY_HEAD]);
    out.extend_from_slice(public);
    end_body(&mut out, commitments)?;
    Ok(out)
}

/// Makes a body of a public part that stands in `out` behind [`BODY_HEAD`] bytes, whatever these
/// are, so that a long one need not be moved.
///
/// # Errors
///
/// As [`encode_body`]; then what is in `out` is of no use.
pub fn end_body(out: &mut Vec<u8>, commitments: &[(&str, Hash)]) -> Result<(), BodyError> {
    let parts = out.split_first_chunk_mut::<BODY_HEAD>();
    let (head, public) = parts.ok_or(BodyError::Length)?;
    check_object(text(Some(public))?)?;
    let length = u32::try_from(public.len()).map_err(|_| BodyError::TooLong)?;
    *head = length.to_le_bytes();
    let count = u16::try_from(commitments.len()).map_err(|_| BodyError::TooLong)?;
    out.extend_from_slice(&count.to_le_bytes());
    check_order(commitments.iter().map(|(path, _)| *path))?;
    for (path, hash) in commitments {
        write_path(out, path)?;
        out.extend_from_slice(hash);
    }
    if out.len() > MAX_BODY {
        return Err(BodyError::TooLong);
    }
    Ok(())
}

pub(crate) fn check_order<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), BodyError> {
    let sorted = paths.is_sorted_by(|before, after| before < after);
    sorted.then_some(()).ok_or(BodyError::Order)
}

pub(crate) fn write_path(out: &mut Vec<u8>, path: &str) -> Result<(), BodyError> {
    check_path(path)?;
    out.push(u8::try_from(path.len()).map_err(|_| BodyError::TooLong)?);
    out.extend_from_slice(path.as_bytes());
    Ok(())
}
