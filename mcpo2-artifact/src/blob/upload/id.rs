use std::{fmt, str::FromStr};

use crate::blob::{BlobError, BlobErrorKind, name::from_hex};

/// The random name of an upload, written in 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId([u8; 16]);

impl UploadId {
    pub(super) fn random() -> Result<Self, BlobError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| BlobError::new(BlobErrorKind::Keys).with_source(error))?;
        Ok(Self(bytes))
    }
}

impl FromStr for UploadId {
    type Err = BlobError;

    /// # Errors
    ///
    /// [`NotFound`](BlobErrorKind::NotFound): no upload has a name that is written otherwise.
    fn from_str(text: &str) -> Result<Self, BlobError> {
        Ok(Self(from_hex(text).ok_or(BlobErrorKind::NotFound)?))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadId({self})")
    }
}
