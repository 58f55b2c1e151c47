use bytes::Bytes;
use mcpo2_artifact::{
    Key,
    blob::{BlobError, BlobErrorKind, BlobName, Kind, Space},
};

pub(crate) fn space(number: u8) -> Space {
    Space::from_bytes([number; 16])
}

pub(crate) fn name(number: u8) -> BlobName {
    BlobName::new(space(1), Kind::Blob, Key::from_bytes([number; 32]))
}

/// Content that nothing compresses.
pub(crate) fn content(size: usize) -> Bytes {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes.into()
}

#[track_caller]
pub(crate) fn kind<T>(result: Result<T, BlobError>) -> BlobErrorKind {
    result.map(drop).unwrap_err().kind()
}
