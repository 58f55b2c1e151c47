use std::{pin::pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use mcpo2_artifact::{
    Library,
    blob::{BlobError, UploadId},
};
use mcpo2_core::Principal;
use tokio::time::{Instant, timeout_at};

use crate::library::waiting;

/// How much is made durable at once, and has to come in the time that a body may take.
const BLOCK: usize = 256 * 1024;

/// Why the body was not taken to its end. What came before is.
pub(super) enum Broken {
    Blob(BlobError),
    /// Too little came for too long.
    Slow,
    /// The client went away.
    Off,
}

/// An upload and its owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) library: &'a Arc<Library>,
    pub(super) who: &'a Arc<Principal>,
    pub(super) id: &'a UploadId,
}

impl Place<'_> {
    async fn append(&self, offset: u64, bytes: Bytes) -> Result<u64, Broken> {
        let (library, who, id) = (Arc::clone(self.library), Arc::clone(self.who), *self.id);
        let append = move || async move { library.append(&who, &id, offset, bytes).await };
        waiting(append).await.map_err(Broken::Blob)
    }
}

/// Gives a body to an upload in blocks, from this offset on, and holds no more than one.
pub(super) async fn take<B>(
    body: B,
    pace: Duration,
    mut offset: u64,
    to: Place<'_>,
) -> Result<(), Broken>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    let mut body = pin!(body);
    let mut block = BytesMut::new();
    let mut until = Instant::now() + pace;
    let end = loop {
        let frame = match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break Ok(()),
            Ok(Some(Err(_))) => break Err(Broken::Off),
            Err(_) => break Err(Broken::Slow),
        };
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        while !data.is_empty() {
            let room = BLOCK.saturating_sub(block.len()).min(data.len());
            block.extend_from_slice(&data.split_to(room));
            if block.len() >= BLOCK {
                let full = block.split().freeze();
                offset = to.append(offset, full).await?;
                until = Instant::now() + pace;
            }
        }
    };
    // Also where it broke off: the client need not send it again. Without bytes, that the offset is
    // right is seen too.
    to.append(offset, block.freeze()).await?;
    end
}
