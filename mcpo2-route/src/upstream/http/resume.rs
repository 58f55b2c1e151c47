use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use bytes::Bytes;
use http::{Method, StatusCode};
use mcpo2_core::Error;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    answer,
    head::Head,
    link::HttpLink,
    session::{Call, Kind, Session},
    wire::Wire,
};
use crate::upstream::{ForwardHeaders, Resumption, fault, mint::Mint, own};

/// The link of a session that stood before. None where the module does not know it.
pub(super) async fn resume(
    wire: &Arc<Wire>,
    from: &Resumption,
    permit: OwnedSemaphorePermit,
) -> Result<Option<HttpLink>, Error> {
    let Some(head) = Head::resumed(from, wire.place()) else {
        return Ok(None);
    };
    if !is_known(wire, &head).await? {
        return Ok(None);
    }
    let session = Session::new(wire, head, Kind::Private, Some(permit));
    // What the module said of itself it said to another link.
    Ok(Some(HttpLink::new(session, (from.version(), Bytes::new()))))
}

/// Tells the module that the session has ended.
pub(super) async fn forget(wire: &Arc<Wire>, session: &Resumption) {
    if let Some(head) = Head::resumed(session, wire.place()) {
        let session = Session::new(wire, head, Kind::Private, None);
        session.close().await;
    }
}

/// Whether the module knows the session, asked before anything is that would have to be asked
/// again.
async fn is_known(wire: &Arc<Wire>, head: &Head) -> Result<bool, Error> {
    // Another process may be asking in the same session, so nobody else may have this id.
    let id = own::id(RandomState::new().build_hasher().finish());
    let request = own::request(&id, "ping", b"{}")?;
    let Some(out) = Mint::Keep.outgoing(&request) else {
        return Err(fault::protocol("a request has an id"));
    };
    let headers = head.post(Some(&request), &ForwardHeaders::default());
    let session = Arc::new(Session::new(wire, head.clone(), Kind::Stateless, None));
    let mut call = Call::new(&session, out);
    let body = request.bytes().clone();
    let response = wire.send(Method::POST, headers, body, &call.pace).await?;
    match response.status() {
        status if status.is_success() => {
            // Whatever it says: it did not say that it knows no such session.
            if let Ok(reply) = answer::reply(call, response).await {
                let _ = answer::response(reply).await;
            }
            Ok(true)
        }
        // Some modules say 400 where they mean 404.
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::GONE => {
            call.ended = true;
            Ok(false)
        }
        status => {
            call.ended = true;
            Err(answer::refused(status))
        }
    }
}
