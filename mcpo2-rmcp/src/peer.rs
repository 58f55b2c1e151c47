use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use rmcp::{
    Peer, RoleClient,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientNotification, ClientRequest,
        GetMeta, RequestId,
    },
    service::{PeerRequestOptions, ServiceError},
};
use tokio::runtime::Handle;
use tower_service::Service;

use mcpo2_core::{Error, Method, Reply, Routed};

use crate::{error::from_peer, wire};

/// An rmcp client's [`Peer`] as the leaf of a stack.
///
/// Each request is sent as it is, by none of the peer's own helpers: those cache across principals,
/// and answer questions of the server in the caller's place. Dropping the future tells the server
/// that the request is cancelled.
///
/// Say the limit: rmcp numbers progress tokens anew and gives progress, log messages and questions
/// of the server to the peer's own `ClientHandler`, so they do not reach the caller from here.
/// `subscriptions/listen`, which is nothing but notifications, is refused. The handshake of the
/// peer is done, so `initialize` is answered by what the server said then.
#[derive(Debug, Clone)]
pub struct PeerService {
    peer: Peer<RoleClient>,
}

impl PeerService {
    /// A leaf that is answered by the server behind this peer.
    #[must_use]
    pub fn new(peer: Peer<RoleClient>) -> Self {
        Self { peer }
    }
}

impl Service<Routed> for PeerService {
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let peer = self.peer.clone();
        Box::pin(async move { forward(peer, &routed).await })
    }
}

async fn forward(peer: Peer<RoleClient>, routed: &Routed) -> Result<Reply, Error> {
    let request = routed.request();
    let Some(id) = request.id() else {
        if is_of_the_connection(request.method()) {
            return Ok(Reply::accepted());
        }
        let notification: ClientNotification = wire::decode_request(request)?;
        peer.send_notification(notification)
            .await
            .map_err(from_peer)?;
        return Ok(Reply::accepted());
    };
    match request.method() {
        Method::Initialize => {
            let info = peer
                .peer_info()
                .ok_or(ServiceError::TransportClosed)
                .map_err(from_peer)?;
            return Ok(Reply::complete(wire::response(id, Ok(&*info))));
        }
        Method::Listen => {
            return Err(Error::not_found(
                mcpo2_core::ErrorKind::MethodNotFound,
                request,
            ));
        }
        _ => {}
    }
    let typed: ClientRequest = wire::decode_request(request)?;
    // The caller's own metadata, so that the peer does not put its host's in their place.
    let options = PeerRequestOptions::no_options().with_meta(typed.get_meta().clone());
    let handle = peer
        .send_request_with_option(typed, options)
        .await
        .map_err(from_peer)?;
    let mut abandoned = Abandoned::new(peer, handle.id.clone());
    let answer = handle.await_response().await;
    abandoned.answered();
    let result = match answer {
        Ok(result) => Ok(result),
        Err(ServiceError::McpError(error)) => Err(error),
        Err(error) => return Err(from_peer(error)),
    };
    Ok(Reply::complete(wire::response(id, result)))
}

/// Notifications that speak of ids, tokens or a handshake of the caller's connection.
///
/// The server would take them for those of its own connection, which others share.
fn is_of_the_connection(method: &Method) -> bool {
    matches!(
        method,
        Method::Cancelled | Method::Progress | Method::Initialized
    )
}

/// Tells the server, when dropped before the answer came, that nobody waits for it any more.
struct Abandoned(Option<(Peer<RoleClient>, RequestId)>);

impl Abandoned {
    fn new(peer: Peer<RoleClient>, id: RequestId) -> Self {
        Self(Some((peer, id)))
    }

    fn answered(&mut self) {
        self.0 = None;
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let (Some((peer, id)), Ok(runtime)) = (self.0.take(), Handle::try_current()) else {
            return;
        };
        // To send is to wait, and `Drop` cannot.
        runtime.spawn(async move {
            let cancelled = CancelledNotificationParam::new(Some(id), None);
            let cancelled = CancelledNotification::new(cancelled);
            let _ = peer.send_notification(cancelled.into()).await;
        });
    }
}
