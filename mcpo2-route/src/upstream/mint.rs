//! Ids and progress tokens: kept to the letter on the link of one client, replaced where several
//! clients share a link.

use std::{
    fmt,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use mcpo2_core::{Error, ErrorKind, Id, Message, Method, Request, Response, message::keys};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Where the ids of a link come from.
#[derive(Debug)]
pub(crate) enum Mint {
    /// From the one client that the link has.
    Keep,
    /// From a counter, since clients know nothing of each other's ids.
    Count(AtomicU64),
}

impl Mint {
    pub(crate) fn new(shared: bool) -> Self {
        match shared {
            true => Self::Count(AtomicU64::new(1)),
            false => Self::Keep,
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Count(_))
    }

    /// Whether a message outside any request may go to the module.
    pub(crate) fn admits(&self, message: &Bytes) -> Result<bool, Error> {
        if !self.is_shared() {
            return Ok(true);
        }
        match Message::parse(message.clone()) {
            // They name requests by ids that mean nothing on this link, or somebody else's.
            Ok(Message::Request(request)) => Ok(!matches!(
                request.method(),
                Method::Cancelled | Method::Progress
            )),
            Ok(Message::Response(_)) | Err(_) => Err(Error::new(
                ErrorKind::InvalidRequest,
                "the module asked nothing on this link",
            )),
        }
    }

    /// The request as it goes to the module; none where it is a notification.
    pub(crate) fn outgoing(&self, request: &Request) -> Option<Outgoing> {
        let original = request.id()?.clone();
        let token = request.meta().progress_token().map(str::to_owned);
        let (sent, id) = match self {
            Self::Keep => (request.clone(), original.clone()),
            Self::Count(next) => {
                let id = Id::number(next.fetch_add(1, Ordering::Relaxed));
                let sent = request.with_id(&id);
                match token {
                    Some(_) => (sent.with_meta(keys::PROGRESS_TOKEN, id.as_json()), id),
                    None => (sent, id),
                }
            }
        };
        let token = token.map(|original| {
            let key = match self {
                Self::Keep => Key::new(&original),
                Self::Count(_) => Key::of(&id),
            };
            (key, original)
        });
        Some(Outgoing {
            sent,
            id,
            original,
            token,
            minted: self.is_shared(),
            progress: Progress::default(),
        })
    }
}

/// A request on its way to the module, and how its answer is made one to the client's request.
#[derive(Debug)]
pub(crate) struct Outgoing {
    sent: Request,
    id: Id,
    original: Id,
    token: Option<(Key, String)>,
    minted: bool,
    progress: Progress,
}

/// How far a request has come: the last that was reported, as the bits of a number.
#[derive(Debug)]
struct Progress(AtomicU64);

impl Default for Progress {
    fn default() -> Self {
        Self(AtomicU64::new(f64::NEG_INFINITY.to_bits()))
    }
}

impl Progress {
    /// Notes a report; false where it goes back behind the last.
    fn goes_on(&self, to: f64) -> bool {
        let further = |last: u64| (to >= f64::from_bits(last)).then_some(to.to_bits());
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.0.fetch_update(set, get, further).is_ok()
    }
}

impl Outgoing {
    /// The request as the module sees it.
    pub(crate) fn sent(&self) -> &Request {
        &self.sent
    }

    /// The id by which the module knows it.
    pub(crate) fn id(&self) -> &Id {
        &self.id
    }

    /// The id by which the client knows it.
    pub(crate) fn original(&self) -> &Id {
        &self.original
    }

    /// A report of progress on this request under the client's token; none where it is on
    /// another, or where the client wants none.
    pub(crate) fn reports(&self, progress: &Request) -> Option<Bytes> {
        let (key, token) = self.token.as_ref()?;
        match Reference::read(progress)? {
            Reference::Progress(named, at) if named == *key => {
                Some(splice(progress.bytes(), at, token))
            }
            _ => None,
        }
    }

    /// The key under which progress is reported on it.
    pub(crate) fn token(&self) -> Option<&Key> {
        self.token.as_ref().map(|(key, _)| key)
    }

    /// Whether it stays open for as long as the client wants.
    pub(crate) fn is_endless(&self) -> bool {
        *self.sent.method() == Method::Listen
    }

    /// Whether this is its answer.
    pub(crate) fn is_answered_by(&self, response: &Response) -> bool {
        response
            .id()
            .is_some_and(|id| *id == self.id || Key::of(id) == Key::of(&self.id))
    }

    /// The same request, which the client has come back to under other names.
    pub(crate) fn again(self, request: &Request) -> Self {
        let renamed = request.meta().progress_token();
        let token = self
            .token
            .and_then(|(key, _)| Some((key, renamed?.to_owned())));
        Self {
            original: request.id().cloned().unwrap_or(self.original),
            token,
            ..self
        }
    }

    /// The answer under the client's id; the very same bytes where that is the id already.
    pub(crate) fn response(&self, response: &Response) -> Bytes {
        self.answer(response).into_bytes()
    }

    /// The same, read already.
    pub(crate) fn answer(&self, response: &Response) -> Response {
        if response.id() == Some(&self.original) {
            return response.clone();
        }
        let addressed = response.addressed(&self.original);
        let bytes = addressed.bytes();
        match bytes.iter().position(|&byte| byte == b'{') {
            // An error may have no id at all.
            Some(at) if addressed.id().is_none() => {
                let member = format!(r#""id":{},"#, self.original);
                match Message::parse(splice(bytes, at + 1..at + 1, &member)) {
                    Ok(Message::Response(response)) => response,
                    Ok(Message::Request(_)) | Err(_) => addressed,
                }
            }
            _ => addressed,
        }
    }

    /// Whether a report of progress is one on this request, and does not go back behind the last.
    pub(super) fn takes(&self, report: &Request) -> bool {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow)]
            progress: &'a RawValue,
        }
        let Some(Reference::Progress(key, _)) = Reference::read(report) else {
            return false;
        };
        let params = report.params().unwrap_or_default();
        let params = serde_json::from_slice::<Params<'_>>(params).ok();
        let progress = params.and_then(|params| params.progress.get().parse().ok());
        self.token() == Some(&key) && progress.is_some_and(|at| self.progress.goes_on(at))
    }

    /// A notification on this request under the client's names for it.
    pub(crate) fn notification(&self, notification: &Request) -> Bytes {
        let bytes = notification.bytes();
        match (self.minted, Reference::read(notification), &self.token) {
            (true, Some(Reference::Progress(_, at)), Some((_, token))) => splice(bytes, at, token),
            (true, Some(Reference::Subscription(_, at)), _) => {
                splice(bytes, at, self.original.as_json())
            }
            _ => bytes.clone(),
        }
    }
}

/// The request that a notification is about, and where it says so.
#[derive(Debug)]
pub(crate) enum Reference {
    Progress(Key, Range<usize>),
    Subscription(Key, Range<usize>),
}

impl Reference {
    pub(crate) fn read(notification: &Request) -> Option<Self> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default, rename = "progressToken")]
            token: Option<&'a RawValue>,
            #[serde(borrow, default, rename = "_meta")]
            meta: Option<Meta<'a>>,
        }
        #[derive(Deserialize)]
        struct Meta<'a> {
            #[serde(borrow, default, rename = "io.modelcontextprotocol/subscriptionId")]
            subscription: Option<&'a RawValue>,
        }
        let text = std::str::from_utf8(notification.params()?).ok()?;
        let params: Params<'_> = serde_json::from_str(text).ok()?;
        if *notification.method() == Method::Progress {
            let token = params.token?;
            let at = position(notification.bytes(), token.get())?;
            return Some(Self::Progress(Key::new(token.get()), at));
        }
        let subscription = params.meta?.subscription?;
        let at = position(notification.bytes(), subscription.get())?;
        Some(Self::Subscription(Key::new(subscription.get()), at))
    }
}

/// A JSON string or number as a key: two spellings of one string are one key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(Box<str>);

impl Key {
    pub(crate) fn new(json: &str) -> Self {
        match serde_json::from_str::<String>(json) {
            Ok(text) => Self(serde_json::Value::from(text).to_string().into()),
            Err(_) => Self(json.into()),
        }
    }

    pub(crate) fn of(id: &Id) -> Self {
        Self::new(id.as_json())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a part that was borrowed from `bytes` stands in them.
fn position(bytes: &Bytes, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= bytes.len()).then_some(start..end)
}

fn splice(bytes: &Bytes, at: Range<usize>, with: &str) -> Bytes {
    let before = bytes.get(..at.start).unwrap_or_default();
    let behind = bytes.get(at.end..).unwrap_or_default();
    [before, with.as_bytes(), behind].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &'static str) -> Request {
        match Message::parse(text).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!(),
        }
    }

    const CALL: &str = r#"{"id": "a", "jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"x":1,"progressToken":"t\u0061"},"name":"n"}}"#;

    #[test]
    fn the_only_client_of_a_link_keeps_its_names() {
        let out = Mint::new(false).outgoing(&request(CALL)).unwrap();
        assert_eq!(out.sent().bytes(), CALL);
        let note = request(
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"ta","progress":1}}"#,
        );
        let Some(Reference::Progress(key, _)) = Reference::read(&note) else {
            panic!("no progress")
        };
        assert_eq!(Some(&key), out.token());
        assert_eq!(out.notification(&note), note.bytes());
    }

    #[test]
    fn what_is_replaced_on_the_way_in_is_put_back_on_the_way_out() {
        let out = Mint::new(true).outgoing(&request(CALL)).unwrap();
        assert_eq!(
            out.sent().bytes(),
            r#"{"id": 1, "jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"x":1,"progressToken":1},"name":"n"}}"#
        );
        let note = request(
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{ "progressToken" : 1,"progress":1e400}}"#,
        );
        assert_eq!(
            out.notification(&note),
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{ "progressToken" : "t\u0061","progress":1e400}}"#
        );
    }

    #[test]
    fn progress_is_that_of_the_request_and_never_goes_back() {
        let out = Mint::new(false).outgoing(&request(CALL)).unwrap();
        let takes = |token: &str, progress: &str| {
            let text = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{progress}}}}}"#
            );
            let Ok(Message::Request(report)) = Message::parse(text) else {
                unreachable!()
            };
            out.takes(&report)
        };
        assert!(takes(r#""ta""#, "-1") && takes(r#""t\u0061""#, "0.5") && takes(r#""ta""#, "0.5"));
        assert!(!takes(r#""tb""#, "1") && !takes("1", "1") && !takes("null", "1"));
        assert!(
            !takes(r#""ta""#, "0.25") && !takes(r#""ta""#, "\"1\"") && !takes(r#""ta""#, "null")
        );
        assert!(takes(r#""ta""#, "1e400") && !takes(r#""ta""#, "9"));
    }

    #[test]
    fn an_error_without_an_id_gets_the_one_it_answers() {
        let out = Mint::new(true).outgoing(&request(CALL)).unwrap();
        for (text, end) in [
            (
                r#"{"jsonrpc":"2.0","id":null,"error":{}}"#,
                r#"{"jsonrpc":"2.0","id":"a","error":{}}"#,
            ),
            (
                r#" {"jsonrpc":"2.0","error":{}}"#,
                r#" {"id":"a","jsonrpc":"2.0","error":{}}"#,
            ),
        ] {
            let Ok(Message::Response(response)) = Message::parse(text) else {
                unreachable!()
            };
            assert_eq!(out.response(&response), end);
        }
    }

    #[test]
    fn a_notification_of_a_subscription_names_the_request_of_the_client() {
        let listen =
            request(r#"{"jsonrpc":"2.0","id":"mine","method":"subscriptions/listen","params":{}}"#);
        let out = Mint::new(true).outgoing(&listen).unwrap();
        assert!(out.is_endless());
        let note = request(
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#,
        );
        assert_eq!(
            out.notification(&note),
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"mine"}}}"#
        );
    }
}
