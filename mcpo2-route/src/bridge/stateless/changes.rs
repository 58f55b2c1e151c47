use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use mcpo2_core::{
    Error, ErrorKind, Frame, Id, Message, Method, Outcome, Reply, Request,
    message::{keys, result_response},
};
use serde_json::json;
use tokio::{runtime::Handle, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use super::filter::Filter;
use crate::upstream::{
    ForwardHeaders, Link, fault,
    line::mailbox::{Mail, Mailbox},
    own,
};

/// Messages, and bytes of them, that wait for one who listens.
const WAITING: (usize, usize) = (256, 1 << 20);

/// How many may listen to one module at once.
const LISTENERS: usize = 4096;

/// The time before a stream that broke is asked for again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What a module with sessions says has changed, for all who listen to it without one.
///
/// The module's stream is open while somebody listens, and a resource is subscribed to while
/// somebody watches it.
pub(super) struct Changes {
    link: Arc<dyn Link>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seats: u64,
    listeners: HashMap<u64, Listener>,
    watched: HashMap<String, usize>,
    reading: Option<AbortOnDropHandle<()>>,
}

struct Listener {
    id: Id,
    filter: Filter,
    inbox: Arc<Mailbox>,
}

impl Changes {
    pub(super) fn of(link: &Arc<dyn Link>) -> Arc<Self> {
        Arc::new(Self {
            link: Arc::clone(link),
            state: Mutex::default(),
        })
    }

    /// The stream of one who listens: the acknowledgement first, then what it wants to be told.
    pub(super) async fn listen(
        self: &Arc<Self>,
        request: &Request,
        id: &Id,
    ) -> Result<Reply, Error> {
        let asked = Filter::asked(request).ok_or_else(|| {
            Error::new(ErrorKind::InvalidParams, "`notifications` cannot be read")
        })?;
        let mut filter = asked.told_by(self.link.server());
        let (mut seat, fresh) = self.sit(id, &filter)?;
        for uri in fresh {
            if !self.subscribe(Method::ResourcesSubscribe, &uri).await {
                filter.resource_subscriptions.remove(&uri);
                seat.narrow(&uri);
            }
        }
        let inbox = Arc::clone(&seat.inbox);
        let told = stream::poll_fn(move |cx| {
            let _ = &seat;
            match inbox.poll(0, cx) {
                Poll::Ready(mail) => Poll::Ready(
                    mail.map(|mail| mail.map(|(Mail::Frame(frame) | Mail::Last(frame))| frame)),
                ),
                Poll::Pending => Poll::Pending,
            }
        });
        let acknowledged = Frame::new(acknowledgement(id, &filter));
        Ok(Reply::stream(stream::iter([Ok(acknowledged)]).chain(told)))
    }

    /// A place for one who listens, and the resources that nobody has watched before.
    fn sit(self: &Arc<Self>, id: &Id, filter: &Filter) -> Result<(Seat, Vec<String>), Error> {
        let mut state = self.lock();
        if state.listeners.len() >= LISTENERS {
            return Err(Error::new(
                ErrorKind::Overloaded,
                "too many listen to the module",
            ));
        }
        let mut fresh = Vec::new();
        for uri in &filter.resource_subscriptions {
            let watched = state.watched.entry(uri.clone()).or_default();
            *watched += 1;
            if *watched == 1 {
                fresh.push(uri.clone());
            }
        }
        let (messages, bytes) = WAITING;
        let inbox = Arc::new(Mailbox::new(messages, bytes));
        state.seats += 1;
        let number = state.seats;
        let listener = Listener {
            id: id.clone(),
            filter: filter.clone(),
            inbox: Arc::clone(&inbox),
        };
        state.listeners.insert(number, listener);
        if state
            .reading
            .as_ref()
            .is_none_or(AbortOnDropHandle::is_finished)
        {
            let reading = read(Arc::clone(&self.link), Arc::downgrade(self));
            state.reading = Some(AbortOnDropHandle::new(tokio::spawn(reading)));
        }
        drop(state);
        let seat = Seat {
            changes: Arc::clone(self),
            number,
            watches: filter.resource_subscriptions.clone(),
            inbox,
        };
        Ok((seat, fresh))
    }

    /// Whether the module agrees.
    async fn subscribe(&self, method: Method, uri: &str) -> bool {
        let params = json!({ "uri": uri }).to_string();
        let headers = ForwardHeaders::default();
        let Ok(request) = own::request(&own::id(0), method.as_str(), params.as_bytes()) else {
            return false;
        };
        let Ok(reply) = self.link.request(&request, &headers).await else {
            return false;
        };
        let answer = crate::bridge::response(reply).await;
        answer.is_ok_and(|answer| answer.outcome() == Outcome::Result)
    }

    fn tell(&self, message: &Bytes) {
        let Ok(Message::Request(notification)) = Message::parse(message.clone()) else {
            return;
        };
        for Listener { id, filter, inbox } in self.lock().listeners.values() {
            if filter.wants(&notification) {
                let tagged = notification.with_meta(keys::SUBSCRIPTION_ID, id.as_json());
                inbox.push(Frame::new(tagged.bytes().clone()));
            }
        }
    }

    /// Tells all who listen that there is nothing more to hear.
    fn end(&self) {
        for Listener { id, inbox, .. } in self.lock().listeners.values() {
            let subscription = keys::SUBSCRIPTION_ID;
            let result =
                format!(r#"{{"resultType":"complete","_meta":{{"{subscription}":{id}}}}}"#);
            inbox.finish(Ok(Some(Frame::new(result_response(id, &result)))));
        }
    }

    fn leave(self: &Arc<Self>, number: u64, watches: &BTreeSet<String>) {
        let mut state = self.lock();
        state.listeners.remove(&number);
        let mut gone = Vec::new();
        for uri in watches {
            if let Some(watched) = state.watched.get_mut(uri) {
                *watched -= 1;
                if *watched == 0 {
                    state.watched.remove(uri);
                    gone.push(uri.clone());
                }
            }
        }
        let reading = match state.listeners.is_empty() {
            true => state.reading.take(),
            false => None,
        };
        drop(state);
        drop(reading);
        let changes = Arc::clone(self);
        if let (false, Ok(runtime)) = (gone.is_empty(), Handle::try_current()) {
            runtime.spawn(async move {
                for uri in gone {
                    changes.subscribe(Method::ResourcesUnsubscribe, &uri).await;
                }
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who listens, until dropped.
struct Seat {
    changes: Arc<Changes>,
    number: u64,
    watches: BTreeSet<String>,
    inbox: Arc<Mailbox>,
}

impl Seat {
    /// The module does not tell of this resource.
    fn narrow(&mut self, uri: &str) {
        self.watches.remove(uri);
        let mut state = self.changes.lock();
        if let Some(listener) = state.listeners.get_mut(&self.number) {
            listener.filter.resource_subscriptions.remove(uri);
        }
        if let Some(watched) = state.watched.get_mut(uri) {
            *watched -= 1;
            if *watched == 0 {
                state.watched.remove(uri);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.changes.leave(self.number, &self.watches);
    }
}

/// Reads what the module says, and comes back when its stream ends.
async fn read(link: Arc<dyn Link>, changes: Weak<Changes>) {
    let (first, most) = BACKOFF;
    let mut wait = first;
    while link.is_open() {
        match link.listen(None).await {
            Ok(Some(frames)) => {
                let mut frames: Box<dyn Stream<Item = _> + Send + Unpin> = Box::new(frames);
                while let Some(Ok(frame)) = frames.next().await {
                    wait = first;
                    let Some(changes) = changes.upgrade() else {
                        return;
                    };
                    changes.tell(frame.data());
                }
            }
            // It never tells anything.
            Ok(None) => return,
            Err(error) if error.kind() == ErrorKind::Unavailable && !link.is_open() => break,
            Err(error) => tracing::debug!(%error, "the stream of a module is not there"),
        }
        if !link.is_open() {
            break;
        }
        sleep(wait).await;
        wait = (wait * 2).min(most);
    }
    tracing::debug!(error = %fault::unavailable("the link ended"), "nobody tells of changes");
    if let Some(changes) = changes.upgrade() {
        changes.end();
    }
}

fn acknowledgement(id: &Id, filter: &Filter) -> String {
    let filter = serde_json::to_string(filter).unwrap_or_else(|_| "{}".into());
    let subscription = keys::SUBSCRIPTION_ID;
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"{subscription}":{id}}},"notifications":{filter}}}}}"#
    )
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Changes")
            .field("listeners", &state.listeners.len())
            .field("watched", &state.watched.len())
            .finish_non_exhaustive()
    }
}
