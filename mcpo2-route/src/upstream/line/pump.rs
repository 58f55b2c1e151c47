use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};
use tokio_util::codec::FramedRead;

use super::{codec::LineDecoder, core::Core};

/// Reads lines until the pipe ends or breaks, and ends the link then.
pub(super) async fn read(reader: impl AsyncRead + Unpin, core: Arc<Core>) {
    let mut lines = FramedRead::new(reader, LineDecoder::new(core.limits.response_bytes));
    while let Some(line) = lines.next().await {
        match line {
            Ok(line) => core.receive(line),
            Err(error) => {
                tracing::warn!(%error, "the pipe from the module broke");
                core.close("the pipe from the module broke");
                return;
            }
        }
    }
    core.close("the module ended");
}

/// Writes messages, each with the line feed that ends it, and flushes when none waits.
pub(super) async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut outbox: mpsc::Receiver<Bytes>,
    core: Arc<Core>,
) {
    let mut batch = BytesMut::new();
    while let Some(message) = outbox.recv().await {
        batch.clear();
        add(&mut batch, &message);
        while batch.len() < BATCH
            && let Ok(message) = outbox.try_recv()
        {
            add(&mut batch, &message);
        }
        let written = match writer.write_all(&batch).await {
            Ok(()) => writer.flush().await,
            broken => broken,
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the pipe to the module broke");
            core.close("the pipe to the module broke");
            return;
        }
    }
}

/// Up to here messages that wait are written at once.
const BATCH: usize = 64 * 1024;

fn add(batch: &mut BytesMut, message: &[u8]) {
    batch.extend_from_slice(message);
    batch.extend_from_slice(b"\n");
}
