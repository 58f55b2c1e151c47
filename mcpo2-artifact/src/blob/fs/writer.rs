use std::{fs::File, io::Write as _, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

use super::dir::Dir;
use crate::blob::{BlobError, BlobErrorKind, BlobWriter, Put};

/// A file under a passing name, which goes away with it.
#[derive(Debug)]
pub(super) struct Writer {
    temporary: Arc<Dir>,
    number: String,
    file: File,
    leaf: Dir,
    name: String,
    missing: u64,
}

impl Writer {
    pub(super) fn new(
        temporary: Arc<Dir>,
        number: String,
        leaf: Dir,
        name: String,
        size: u64,
    ) -> Result<Self, BlobError> {
        let file = temporary.create(&number)?;
        Ok(Self {
            temporary,
            number,
            file,
            leaf,
            name,
            missing: size,
        })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let length = bytes.len().try_into().unwrap_or(u64::MAX);
        let missing = self.missing.checked_sub(length);
        self.missing = missing.ok_or(BlobErrorKind::Mismatch)?;
        Ok(self.file.write_all(bytes)?)
    }

    pub(super) fn link(self) -> Result<Put, BlobError> {
        if self.missing > 0 {
            return Err(BlobErrorKind::Mismatch.into());
        }
        self.file.sync_all()?;
        let linked = self.temporary.link(&self.number, &self.leaf, &self.name)?;
        if linked {
            self.leaf.sync()?;
            return Ok(Put::Created);
        }
        // Only a regular file is an object; and it is there for good before anybody relies on it.
        let there = self.leaf.file(&self.name)?;
        there.ok_or(BlobErrorKind::Io)?;
        self.leaf.sync()?;
        Ok(Put::Present)
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.append(&bytes)
    }

    async fn finish(self: Box<Self>) -> Result<Put, BlobError> {
        self.link()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Best effort: what stays is taken away when the store is opened again.
        let _ = self.temporary.remove(&self.number);
    }
}
