use std::future::ready;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::join_all, stream};
use mcpo2_core::{Body, Call, Error, ErrorKind, Frame, Frames, Id, Message, Reply, message::keys};
use serde_json::{Value, json};

use super::Gateway;
use crate::{Connection, upstream::ForwardHeaders};

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

impl Gateway {
    /// Listens at every module that can be listened to, as one.
    ///
    /// The gateway acknowledges first, for all. A stream that a module ends does not end ours; it
    /// ends when the client goes.
    pub(super) async fn listen(&self, call: &Call, id: &Id) -> Result<Reply, Error> {
        let each = self.registry.approved().map(|module| async move {
            let link = Connection::of(module)?.shared().await?;
            if !link.version().is_stateless() {
                return Err(Error::new(
                    ErrorKind::MethodNotFound,
                    "the module has no such stream",
                ));
            }
            match link
                .request(call.request(), &ForwardHeaders::default())
                .await?
                .into_body()
            {
                Body::Stream(frames) => Ok(frames),
                Body::Complete(_) | Body::Empty => Err(Error::new(
                    ErrorKind::Upstream,
                    "a subscription was no stream",
                )),
            }
        });
        let streams: Vec<Frames> = join_all(each)
            .await
            .into_iter()
            .filter_map(Result::ok)
            .collect();
        let acknowledged = stream::once(ready(Ok(Frame::new(acknowledgement(call, id)))));
        let notifications = stream::select_all(streams)
            .filter(|frame| ready(frame.as_ref().is_ok_and(is_notification)))
            .chain(stream::once(std::future::pending()));
        Ok(Reply::stream(acknowledged.chain(notifications)))
    }
}

/// What passes on: neither a module's own acknowledgement nor its final result.
fn is_notification(frame: &Frame) -> bool {
    match Message::parse(frame.data().clone()) {
        Ok(Message::Request(request)) => request.method().as_str() != ACKNOWLEDGED,
        Ok(Message::Response(_)) | Err(_) => false,
    }
}

fn acknowledgement(call: &Call, id: &Id) -> String {
    let params: Value = call
        .request()
        .params()
        .and_then(|params| serde_json::from_slice(params).ok())
        .unwrap_or_default();
    let filter = params
        .get("notifications")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let subscription = keys::SUBSCRIPTION_ID;
    format!(
        r#"{{"jsonrpc":"2.0","method":"{ACKNOWLEDGED}","params":{{"_meta":{{"{subscription}":{id}}},"notifications":{filter}}}}}"#
    )
}

/// The response of a reply, once it is there.
pub(crate) async fn last_message(reply: Reply) -> Result<Bytes, Error> {
    let none = || Error::new(ErrorKind::Upstream, "the module ended without an answer");
    match reply.into_body() {
        Body::Complete(bytes) => Ok(bytes),
        Body::Empty => Err(none()),
        Body::Stream(frames) => {
            let response = frames.try_filter(|frame| {
                ready(matches!(
                    Message::parse(frame.data().clone()),
                    Ok(Message::Response(_))
                ))
            });
            let last = response.try_fold(None, |_, frame| ready(Ok(Some(frame))));
            last.map(|last| last?.map(|frame| frame.data().clone()).ok_or_else(none))
                .await
        }
    }
}
