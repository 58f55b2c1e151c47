use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt as _, future::pending, stream};
use mcpo2_core::{Body, Error, ErrorKind, Frame, Frames, Message, Request, message::keys};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{Shared, rounds::Ends};
use crate::{
    bridge::{is_change, stateless::Filter},
    upstream::{
        ForwardHeaders, Link, fault,
        line::mailbox::{Mail, Mailbox},
        own,
    },
};

/// Messages, and bytes of them, that wait until the client listens.
const WAITING: (usize, usize) = (256, 1 << 20);

/// Resources that one session may watch.
const MAX_URIS: usize = 256;

/// The time before a stream that broke is asked for again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A module agrees to a subscription within this time.
const AGREES: Duration = Duration::from_secs(10);

/// The stream of `subscriptions/listen` that is kept for a session: from when it first wants to
/// be told of something until it ends.
pub(super) struct Listening {
    shared: Weak<Shared>,
    filter: watch::Sender<Filter>,
    agreed: watch::Sender<Option<Filter>>,
    inbox: Arc<Mailbox>,
    reading: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Listening {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let all = Filter {
            tools_list_changed: true,
            prompts_list_changed: true,
            resources_list_changed: true,
            resource_subscriptions: BTreeSet::new(),
        };
        let (messages, bytes) = WAITING;
        Self {
            filter: watch::Sender::new(all.told_by(shared.inner.server())),
            shared: Arc::downgrade(shared),
            agreed: watch::Sender::new(None),
            inbox: Arc::new(Mailbox::new(messages, bytes)),
            reading: Mutex::default(),
        }
    }

    /// Where what is told waits until the client listens.
    pub(super) fn inbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.inbox)
    }

    /// What the module says, until somebody else listens; none where it never says anything.
    pub(super) fn take_over(&self) -> Option<Frames> {
        let tells = self.filter.borrow().wants_anything();
        if tells {
            self.start();
        }
        let (inbox, reader) = (Arc::clone(&self.inbox), self.inbox.take_over());
        let frames = stream::poll_fn(move |cx| match inbox.poll(reader, cx) {
            Poll::Ready(mail) => Poll::Ready(
                mail.map(|mail| mail.map(|(Mail::Frame(frame) | Mail::Last(frame))| frame)),
            ),
            Poll::Pending => Poll::Pending,
        });
        Some(Frames::new(frames))
    }

    /// Has the module tell of a resource, and waits until it agrees.
    pub(super) async fn watch(&self, uri: String) -> Result<(), Error> {
        let Some(shared) = self.shared.upgrade() else {
            return Err(fault::unavailable("the session ended"));
        };
        let mut wanted = self.filter.borrow().clone();
        if wanted.resource_subscriptions.len() >= MAX_URIS {
            return Err(Error::new(
                ErrorKind::Overloaded,
                "the session watches too many resources",
            ));
        }
        wanted.resource_subscriptions.insert(uri.clone());
        let told = wanted.told_by(shared.inner.server());
        if !told.resource_subscriptions.contains(&uri) {
            return Err(Error::new(
                ErrorKind::MethodNotFound,
                "the module tells of no resource",
            ));
        }
        let mut agreed = self.agreed.subscribe();
        self.filter.send_modify(|filter| {
            filter.resource_subscriptions.insert(uri.clone());
        });
        self.start();
        let agrees = agreed.wait_for(|agreed| {
            let agreed = agreed.as_ref();
            agreed.is_some_and(|filter| filter.resource_subscriptions.contains(&uri))
        });
        if let Ok(Ok(_)) = timeout(AGREES, agrees).await {
            return Ok(());
        }
        self.unwatch(&uri);
        Err(Error::new(
            ErrorKind::Unavailable,
            "the module did not agree to tell of the resource",
        ))
    }

    pub(super) fn unwatch(&self, uri: &str) {
        self.filter
            .send_if_modified(|filter| filter.resource_subscriptions.remove(uri));
    }

    fn start(&self) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.is_none()
            && let Some(shared) = self.shared.upgrade()
        {
            let reader = Reader {
                inner: Arc::clone(&shared.inner),
                shared: Weak::clone(&self.shared),
                wanted: self.filter.subscribe(),
                agreed: self.agreed.clone(),
                inbox: Arc::clone(&self.inbox),
            };
            *reading = Some(AbortOnDropHandle::new(tokio::spawn(reader.read())));
        }
    }

    pub(super) fn stop(&self) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.take();
        self.inbox.finish(Ok(None));
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads what the module tells, and comes back when its stream ends.
struct Reader {
    inner: Arc<dyn Link>,
    shared: Weak<Shared>,
    wanted: watch::Receiver<Filter>,
    agreed: watch::Sender<Option<Filter>>,
    inbox: Arc<Mailbox>,
}

impl Reader {
    async fn read(mut self) {
        let (first, most) = BACKOFF;
        let (mut frames, mut wait) = (None, first);
        while self.inner.is_open() {
            let wanted = self.wanted.borrow_and_update().clone();
            // The old stream tells on until the new one is there.
            let opened = self.open(&wanted).await;
            frames = match opened {
                Ok(opened) => Some(opened),
                Err(error) => {
                    tracing::debug!(error = %error.chain(), "the stream of a module is not there");
                    frames
                }
            };
            let is_missing = frames.is_none();
            let changed = loop {
                let next = async {
                    match &mut frames {
                        Some(frames) => frames.next().await.and_then(Result::ok),
                        None => pending().await,
                    }
                };
                tokio::select! {
                    changed = self.wanted.changed() => match changed {
                        Ok(()) => break true,
                        // The session has ended.
                        Err(_) => return,
                    },
                    frame = next => match frame {
                        Some(frame) => {
                            wait = first;
                            self.tell(&frame);
                        }
                        None => {
                            frames = None;
                            break false;
                        }
                    },
                    () = sleep(wait), if is_missing => {
                        wait = (wait * 2).min(most);
                        break true;
                    }
                }
            };
            if !changed {
                sleep(wait).await;
                wait = (wait * 2).min(most);
            }
        }
    }

    async fn open(&self, wanted: &Filter) -> Result<Frames, Error> {
        let ended = || fault::unavailable("the session ended");
        let shared = self.shared.upgrade().ok_or_else(ended)?;
        let params = json!({ "notifications": wanted }).to_string();
        let request = own::request(&shared.mint(), "subscriptions/listen", params.as_bytes())?;
        let request = shared.outgoing(&request, Ends::WithResult);
        drop(shared);
        let headers = ForwardHeaders::default();
        match self.inner.request(&request, &headers).await?.into_body() {
            Body::Stream(frames) => Ok(frames),
            Body::Complete(_) | Body::Empty => Err(fault::protocol("a subscription was no stream")),
        }
    }

    fn tell(&self, frame: &Frame) {
        let Ok(Message::Request(notification)) = Message::parse(frame.data().clone()) else {
            return;
        };
        if notification.method().as_str() == "notifications/subscriptions/acknowledged" {
            self.agreed.send_replace(Some(agreed(&notification)));
        } else if is_change(notification.method()) {
            let untagged = notification.without_meta(keys::SUBSCRIPTION_ID);
            self.inbox.push(Frame::new(untagged.bytes().clone()));
        }
    }
}

fn agreed(acknowledgement: &Request) -> Filter {
    #[derive(serde::Deserialize)]
    struct Params {
        #[serde(default)]
        notifications: Filter,
    }
    let params = acknowledgement.params().unwrap_or(b"{}");
    let params: Option<Params> = serde_json::from_slice(params).ok();
    params
        .map(|params| params.notifications)
        .unwrap_or_default()
}
