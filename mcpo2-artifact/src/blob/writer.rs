use bytes::Bytes;
use mcpo2_core::Digest;

use super::{BlobError, BlobErrorKind, BlobWriter, Kind, Session, encode::Encoder, room::Room};

/// Takes content of an announced digest and length in parts. Dropped before it is finished, it
/// leaves nothing.
#[derive(Debug)]
pub struct ContentWriter<'a> {
    session: &'a Session,
    digest: Digest,
    missing: u64,
    encoder: Encoder,
    writer: Box<dyn BlobWriter>,
    room: Room,
}

impl<'a> ContentWriter<'a> {
    pub(crate) async fn begin(
        session: &'a Session,
        digest: Digest,
        room: Room,
    ) -> Result<Self, BlobError> {
        let space = session.blobs().space();
        let (encoder, head) = Encoder::new(session.blobs().keys(), &room.key)?;
        let name = space.name((Kind::Blob, room.key));
        let stored = room.blob.amount().stored_bytes;
        let mut writer = space.store().writer(&name, stored).await?;
        if !head.is_empty() {
            writer.write(head).await?;
        }
        Ok(Self {
            session,
            digest,
            missing: room.size,
            encoder,
            writer,
            room,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](BlobErrorKind::Mismatch) where they are more than were announced, and what the
    /// store says. After an error the writer is of no more use.
    pub async fn write(&mut self, content: Bytes) -> Result<(), BlobError> {
        let length = content.len().try_into().unwrap_or(u64::MAX);
        let missing = self.missing.checked_sub(length);
        self.missing = missing.ok_or(BlobErrorKind::Mismatch)?;
        let stored = self.encoder.push(content)?;
        if !stored.is_empty() {
            self.writer.write(stored).await?;
        }
        Ok(())
    }

    /// Makes it a blob of the session.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](BlobErrorKind::Mismatch) where it is not what was announced, and what the store
    /// says.
    pub async fn finish(mut self) -> Result<(), BlobError> {
        let end = self.encoder.finish()?;
        if self.missing > 0 || end.digest != self.digest {
            return Err(BlobErrorKind::Mismatch.into());
        }
        if !end.rest.is_empty() {
            self.writer.write(end.rest).await?;
        }
        let space = self.session.blobs().space();
        let room = self.room;
        // Whoever finds the blob finds its tree.
        if let (Some(tree), Some((place, reserved))) = (end.tree, room.tree) {
            space.put(place, tree, reserved).await?;
        }
        let place = (Kind::Blob, room.key);
        space.finish(place, self.writer, room.blob).await?;
        self.session.adopt(room.holds, room.logical);
        Ok(())
    }
}
