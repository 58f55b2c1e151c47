use std::{convert::Infallible, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http_body::Frame as BodyFrame;
use mcpo2_core::{Frame, Frames};
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{Asker, error_message};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(crate) type Event = Result<BodyFrame<Bytes>, Infallible>;

struct Writing {
    frames: Option<Frames>,
    asker: Option<Asker>,
    closing: CancellationToken,
    ticks: Interval,
}

/// The bytes of a stream of events. An error becomes the response, where somebody waits for one.
pub(super) fn events(
    frames: Frames,
    asker: Option<Asker>,
    closing: CancellationToken,
) -> impl Stream<Item = Event> + Send {
    let writing = Writing {
        frames: Some(frames),
        asker,
        closing,
        ticks: ticks(),
    };
    stream::unfold(writing, |mut writing| async move {
        let bytes = next(&mut writing).await?;
        Some((Ok(BodyFrame::data(bytes)), writing))
    })
}

async fn next(writing: &mut Writing) -> Option<Bytes> {
    let frames = writing.frames.as_mut()?;
    tokio::select! {
        biased;
        () = writing.closing.cancelled() => None,
        frame = frames.next() => match frame {
            Some(Ok(frame)) => Some(encode(&frame)),
            Some(Err(error)) => {
                tracing::warn!(error = %error.chain(), "a stream broke");
                writing.frames = None;
                let message = error_message(&error, writing.asker.as_ref()?);
                Some(encode(&Frame::new(message)))
            }
            None => None,
        },
        _ = writing.ticks.tick() => Some(Bytes::from_static(b": keep-alive\n\n")),
    }
}

fn ticks() -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One event, as the HTML standard writes it.
fn encode(frame: &Frame) -> Bytes {
    let mut out = BytesMut::with_capacity(frame.data().len() + 64);
    if let Some(id) = frame.event_id() {
        out.put_slice(format!("id: {}\n", one_line(id)).as_bytes());
    }
    if let Some(retry) = frame.retry_ms() {
        out.put_slice(format!("retry: {retry}\n").as_bytes());
    }
    let mut rest = Some(&frame.data()[..]);
    while let Some(data) = rest {
        let end = memchr::memchr(b'\n', data);
        let line = data.get(..end.unwrap_or(data.len())).unwrap_or_default();
        out.put_slice(b"data: ");
        out.put_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.put_u8(b'\n');
        rest = end.and_then(|end| data.get(end + 1..));
    }
    out.put_u8(b'\n');
    out.freeze()
}

fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\n' | '\r' | '\0'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_all_that_its_frame_knows() {
        let frame = Frame::new("{\"a\":\n1}")
            .with_event_id("7")
            .with_retry_ms(500);
        assert_eq!(
            encode(&frame),
            "id: 7\nretry: 500\ndata: {\"a\":\ndata: 1}\n\n"
        );
        assert_eq!(encode(&Frame::new("")), "data: \n\n");
        assert_eq!(
            encode(&Frame::new("\r\n\na\r\n")),
            "data: \ndata: \ndata: a\ndata: \n\n"
        );
    }
}
