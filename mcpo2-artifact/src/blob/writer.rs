use bytes::Bytes;
use mcpo2_core::Digest;

use super::{
    BlobError, BlobErrorKind, BlobWriter, Kind, Session, TenantBlobs, chunks::ChunkWriter,
    encode::Encoder, room::Room,
};

/// Takes content of an announced digest and length in parts. Dropped before it is finished, it
/// leaves nothing, or chunks that the next sweep takes.
#[derive(Debug)]
pub struct ContentWriter<'a> {
    session: &'a Session,
    digest: Digest,
    missing: u64,
    form: Form,
    room: Room,
}

/// How it is kept.
#[derive(Debug)]
enum Form {
    Whole(Box<WholeWriter>),
    Chunks(Box<ChunkWriter>),
}

impl<'a> ContentWriter<'a> {
    pub(crate) async fn begin(
        session: &'a Session,
        digest: Digest,
        mut room: Room,
    ) -> Result<Self, BlobError> {
        let form = match room.cutter.take() {
            Some(cutter) => Form::Chunks(Box::new(ChunkWriter::new(cutter))),
            None => Form::Whole(Box::new(WholeWriter::begin(session.blobs(), &room).await?)),
        };
        Ok(Self {
            session,
            digest,
            missing: room.size,
            form,
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
        match &mut self.form {
            Form::Whole(writer) => writer.write(content).await,
            Form::Chunks(writer) => {
                let blobs = self.session.blobs();
                writer.write(blobs, &mut self.room, content).await
            }
        }
    }

    /// Makes it a blob of the session.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](BlobErrorKind::Mismatch) where it is not what was announced, and what the store
    /// says; [`Locked`](BlobErrorKind::Locked) where somebody else put the same at the same time in
    /// other chunks: then it can be tried again.
    pub async fn finish(self) -> Result<(), BlobError> {
        if self.missing > 0 {
            return Err(BlobErrorKind::Mismatch.into());
        }
        match self.form {
            Form::Whole(writer) => writer.finish(self.session, &self.digest, self.room).await,
            Form::Chunks(writer) => writer.finish(self.session, &self.digest, self.room).await,
        }
    }
}

/// Takes content in parts, for one object.
#[derive(Debug)]
struct WholeWriter {
    encoder: Encoder,
    writer: Box<dyn BlobWriter>,
}

impl WholeWriter {
    async fn begin(blobs: &TenantBlobs, room: &Room) -> Result<Self, BlobError> {
        let space = blobs.space();
        let (encoder, head) = Encoder::new(blobs.keys(), &room.key)?;
        let name = space.name((Kind::Blob, room.key));
        let stored = room.blob.amount().stored_bytes;
        let mut writer = space.store().writer(&name, stored).await?;
        if !head.is_empty() {
            writer.write(head).await?;
        }
        Ok(Self { encoder, writer })
    }

    async fn write(&mut self, content: Bytes) -> Result<(), BlobError> {
        let stored = self.encoder.push(content)?;
        match stored.is_empty() {
            true => Ok(()),
            false => self.writer.write(stored).await,
        }
    }

    async fn finish(
        mut self,
        session: &Session,
        digest: &Digest,
        room: Room,
    ) -> Result<(), BlobError> {
        let end = self.encoder.finish()?;
        if end.digest != *digest {
            return Err(BlobErrorKind::Mismatch.into());
        }
        if !end.rest.is_empty() {
            self.writer.write(end.rest).await?;
        }
        let space = session.blobs().space();
        // Whoever finds the blob finds its tree.
        if let (Some(tree), Some((place, reserved))) = (end.tree, room.tree) {
            space.put(place, tree, reserved).await?;
        }
        let place = (Kind::Blob, room.key);
        space.finish(place, self.writer, room.blob).await?;
        session.adopt(room.holds, room.logical);
        Ok(())
    }
}
