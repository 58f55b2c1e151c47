//! A witness of other logs, on an address of its own.

use std::{convert::Infallible, io, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, service::service_fn};
use mcpo2_audit::witness::{Store, Witness};
use mcpo2_verify::witness::{AddCheckpoint, Reply};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    connection::Protocols,
    door::pause,
    paced::{Asked, Paced},
};
use crate::{
    config::Http,
    respond::{self, HttpBody},
    witness::now,
};

/// Connections at once; one more waits.
const CONNECTIONS: usize = 256;

const ADD_CHECKPOINT: &str = "/add-checkpoint";
const ADD_ROTATION: &str = "/add-rotation";

/// Answers `POST /add-checkpoint`, `POST /add-rotation` and `GET /<hash of an origin>/checkpoint` until `closing`, and
/// then no longer than what has begun takes.
pub(crate) async fn serve_witness<S: Store + 'static>(
    witness: Arc<Witness<S>>,
    listener: TcpListener,
    closing: CancellationToken,
) {
    let http = Http::default();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = async {
            let place = place.await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, listener.accept().await?.0))
        };
        let (place, stream) = match closing.run_until_cancelled(accepted).await {
            None => break,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                pause(&error).await;
                continue;
            }
        };
        let (witness, closing) = (Arc::clone(&witness), closing.clone());
        let answer = service_fn(move |request| answer(Arc::clone(&witness), request));
        let times = (http.timeouts.headers, http.timeouts.write);
        let protocols = Protocols::within(&http, true);
        if stream.set_nodelay(true).is_ok() {
            connections.spawn(async move {
                let stream = Paced::new(stream, times, &Asked::default());
                // Who goes in the middle of something is no fault of ours.
                if let Ok(serving) = protocols.serve(stream, answer).await {
                    let _ = serving.until(&closing).await;
                }
                drop(place);
            });
        }
        while connections.try_join_next().is_some() {}
    }
    let _ = timeout(http.timeouts.drain, connections.join_all()).await;
}

async fn answer<S: Store + 'static>(
    witness: Arc<Witness<S>>,
    request: Request<Incoming>,
) -> Result<Response<HttpBody>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::POST, ADD_CHECKPOINT) => {
            let handle = move |body: &[u8]| witness.handle(body, now());
            reply(request.into_body(), handle).await
        }
        (&Method::POST, ADD_ROTATION) => {
            let handle = move |body: &[u8]| witness.handle_rotation(body);
            reply(request.into_body(), handle).await
        }
        (_, ADD_CHECKPOINT | ADD_ROTATION) => respond::empty(StatusCode::METHOD_NOT_ALLOWED),
        (&Method::GET, path) => match path.strip_suffix("/checkpoint") {
            Some(hash) => newest(witness, hash.trim_start_matches('/').to_owned()).await,
            None => respond::empty(StatusCode::NOT_FOUND),
        },
        _ => respond::empty(StatusCode::NOT_FOUND),
    })
}

/// Reads a body, and answers it on a thread that may block.
async fn reply(
    body: Incoming,
    handle: impl FnOnce(&[u8]) -> Reply + Send + 'static,
) -> Response<HttpBody> {
    let limit = Http::default().timeouts.body;
    let body = timeout(
        limit,
        Limited::new(body, AddCheckpoint::MAX_BYTES).collect(),
    )
    .await;
    let reply = match body {
        Ok(Ok(body)) => {
            let body = body.to_bytes();
            let handled = tokio::task::spawn_blocking(move || handle(&body)).await;
            handled.unwrap_or(Reply::Other(500))
        }
        _ => Reply::Malformed,
    };
    match reply {
        Reply::Other(204) => respond::empty(StatusCode::NO_CONTENT),
        reply => text(reply.status(), reply.content_type(), reply.body()),
    }
}

async fn newest<S: Store + 'static>(witness: Arc<Witness<S>>, hash: String) -> Response<HttpBody> {
    const PLAIN: &str = "text/plain; charset=utf-8";
    match tokio::task::spawn_blocking(move || witness.newest(&hash)).await {
        Ok(Ok(Some(checkpoint))) => text(200, PLAIN, checkpoint.to_string()),
        Ok(Ok(None)) => text(404, PLAIN, "nothing signed\n".into()),
        Ok(Err(_)) | Err(_) => text(503, PLAIN, "not available\n".into()),
    }
}

fn text(status: u16, kind: &'static str, text: String) -> Response<HttpBody> {
    let mut response = Response::new(respond::boxed(Full::new(Bytes::from(text))));
    let status = StatusCode::from_u16(status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
