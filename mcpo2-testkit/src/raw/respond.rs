//! Canned answers over HTTP.

use std::{collections::VecDeque, io};

use axum::{body::Body as HttpBody, response::Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::StatusCode;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    canned::{Answer, Body},
    log::Open,
    request::Request,
};

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn canned(
    answer: &Answer,
    request: &Request,
    mut open: Open,
    shared: &Shared,
) -> Response {
    let body = match &answer.body {
        Body::Json(message) => {
            open.end();
            HttpBody::from(request.fill(message))
        }
        Body::Messages(messages) => {
            let chunks = messages.iter().map(|message| event(request, message));
            stream(answer, request, open, shared, chunks.collect())
        }
        Body::Stream(bytes) => {
            let chunks = VecDeque::from([request.fill(bytes)]);
            stream(answer, request, open, shared, chunks)
        }
        Body::Endless(first, again) => endless(request.fill(first), request.fill(again), open),
        Body::Never => HttpBody::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    response.headers_mut().clone_from(&answer.headers);
    response
}

fn stream(
    answer: &Answer,
    request: &Request,
    open: Open,
    shared: &Shared,
    chunks: VecDeque<Bytes>,
) -> HttpBody {
    let rest = Rest {
        chunks,
        later: answer.stays_open.then(|| shared.messages.subscribe()),
        id: request.id.clone(),
        stopped: shared.stopped.clone(),
        open,
    };
    HttpBody::from_stream(futures_util::stream::unfold(rest, |mut rest| async move {
        let chunk = rest.next().await?;
        Some((chunk, rest))
    }))
}

fn endless(first: Bytes, again: Bytes, open: Open) -> HttpBody {
    let start = (Some(first), again, open);
    HttpBody::from_stream(futures_util::stream::unfold(
        start,
        |(mut first, again, open)| async move {
            let chunk = first.take().unwrap_or_else(|| again.clone());
            Some((Ok::<_, io::Error>(chunk), (None, again, open)))
        },
    ))
}

/// The rest of a stream: what is canned, then what is emitted while it is open.
struct Rest {
    chunks: VecDeque<Bytes>,
    later: Option<broadcast::Receiver<Bytes>>,
    id: Option<String>,
    stopped: CancellationToken,
    open: Open,
}

impl Rest {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if let Some(chunk) = self.chunks.pop_front() {
            if self.chunks.is_empty() && self.later.is_none() {
                // hyper may drop a body right after its last chunk.
                self.open.end();
            }
            return Some(Ok(chunk));
        }
        let later = self.later.as_mut()?;
        let request = Request {
            id: self.id.clone(),
            ..Request::default()
        };
        loop {
            let message = tokio::select! {
                message = later.recv() => message,
                () = self.stopped.cancelled() => {
                    return Some(Err(io::ErrorKind::ConnectionAborted.into()));
                }
            };
            match message {
                Ok(message) => return Some(Ok(event(&request, &message))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn event(request: &Request, message: &[u8]) -> Bytes {
    let message = request.fill(message);
    let mut event = BytesMut::with_capacity(message.len().saturating_add(8));
    event.put_slice(b"data: ");
    event.put(message);
    event.put_slice(b"\n\n");
    event.freeze()
}
