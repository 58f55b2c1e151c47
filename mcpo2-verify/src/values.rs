use crate::{
    BodyError, Hash,
    body::{check_all, check_order, read_path, step, text, write_path},
    bytes::{Bytes, length},
    hash::subject_digest,
};

/// The plaintext of a vault frame: values and what opens their commitments, sorted by path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values<'a> {
    count: u16,
    bytes: &'a [u8],
}

/// A value that is not public, with what opens its commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Value<'a> {
    /// A JSON pointer into the record.
    pub path: &'a str,
    /// What nobody can guess.
    pub salt: &'a [u8; 32],
    /// The value as JSON text.
    pub value: &'a str,
}

impl<'a> Values<'a> {
    /// Reads the plaintext of a vault frame.
    ///
    /// # Errors
    ///
    /// Where [`encode_values`] would never have written these bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BodyError> {
        let mut bytes = Bytes(bytes);
        let count = bytes.u16().ok_or(BodyError::Length)?;
        let values = Self {
            count,
            bytes: bytes.0,
        };
        check_all(count, &mut bytes, |rest| read_value(rest).map(|it| it.path))?;
        Ok(values)
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.count, &mut self.bytes, read_value)
    }
}

fn read_value<'a>(bytes: &mut Bytes<'a>) -> Result<Value<'a>, BodyError> {
    let path = read_path(bytes)?;
    let salt = bytes.array().ok_or(BodyError::Length)?;
    let value = bytes.u32().and_then(length).and_then(|n| bytes.take(n));
    let value = text(value)?;
    Ok(Value { path, salt, value })
}

/// The plaintext of a vault frame, of paths, salts and values.
///
/// # Errors
///
/// Where they are not sorted by path, or too many.
pub fn encode_values(values: &[(&str, [u8; 32], &str)]) -> Result<Vec<u8>, BodyError> {
    let count = u16::try_from(values.len()).map_err(|_| BodyError::TooLong)?;
    let lengths = values.iter().map(|(path, salt, value)| {
        let texts = path.len().saturating_add(value.len());
        texts.saturating_add(salt.len() + 5)
    });
    // So it is never moved, which would leave parts of it in memory that nobody wipes.
    let room = lengths.fold(2, usize::saturating_add);
    let mut out = Vec::with_capacity(room);
    out.extend_from_slice(&count.to_le_bytes());
    check_order(values.iter().map(|(path, ..)| *path))?;
    for (path, salt, value) in values {
        let length = u32::try_from(value.len()).map_err(|_| BodyError::TooLong)?;
        write_path(&mut out, path)?;
        out.extend_from_slice(salt);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    Ok(out)
}

/// What binds a value without telling it: BLAKE3 keyed with the salt over `path ‖ 0x00 ‖ value`.
#[must_use]
pub fn commitment(salt: &[u8; 32], path: &str, value: &str) -> Hash {
    blake3::Hasher::new_keyed(salt)
        .update(path.as_bytes())
        .update(&[0])
        .update(value.as_bytes())
        .finalize()
        .into()
}

/// The tag of a subject, from the key of its values.
#[must_use]
pub fn subject_tag(key: &[u8; 32]) -> [u8; 16] {
    let mut tag = [0; 16];
    for (to, from) in tag.iter_mut().zip(subject_digest(key)) {
        *to = from;
    }
    tag
}
