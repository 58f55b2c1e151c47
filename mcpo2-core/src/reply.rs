use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use http::{Extensions, StatusCode};

use crate::{Error, Message, Response, message::ListPage};

/// The answer to a call: a status, and a body that is complete or still being written.
///
/// As `http_body::Body` is to HTTP: who wraps the body sees the end of the stream, or its drop.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    extensions: Extensions,
    /// None until somebody asks, where it is a page.
    content: OnceLock<Content>,
    page: Option<Box<ListPage>>,
}

#[derive(Debug)]
struct Content {
    body: Body,
    /// What the body was read as, by whoever made it.
    read: Option<Box<Response>>,
}

impl Reply {
    /// A reply of one message.
    pub fn complete(message: impl Into<Bytes>) -> Self {
        Self::with_body(Body::Complete(message.into()))
    }

    /// A reply of one response that is read already, so that nobody has to read it again.
    #[must_use]
    pub fn of(response: Response) -> Self {
        Self::with_content(Some(Content::of(response)))
    }

    /// A reply that is a page of a list. Its bytes are made when somebody asks for them, so that
    /// who takes entries out ([`take_page`](Self::take_page)) makes only those of the others.
    #[must_use]
    pub fn page(page: ListPage) -> Self {
        Self {
            page: Some(Box::new(page)),
            ..Self::with_content(None)
        }
    }

    /// A reply to a notification: accepted, and nothing to say.
    #[must_use]
    pub fn accepted() -> Self {
        Self {
            status: StatusCode::ACCEPTED,
            ..Self::with_body(Body::Empty)
        }
    }

    /// A reply of messages that end in the response.
    pub fn stream(frames: impl Stream<Item = Result<Frame, Error>> + Send + 'static) -> Self {
        Self::with_body(Body::Stream(Frames(Box::pin(frames))))
    }

    /// A reply with this body and the status `200 OK`.
    #[must_use]
    pub fn with_body(body: Body) -> Self {
        Self::with_content(Some(Content { body, read: None }))
    }

    fn with_content(content: Option<Content>) -> Self {
        Self {
            status: StatusCode::OK,
            extensions: Extensions::new(),
            content: content.map(OnceLock::from).unwrap_or_default(),
            page: None,
        }
    }

    /// The same reply under another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The status that HTTP gives it; other transports have none.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.content().body
    }

    fn content(&self) -> &Content {
        self.content
            .get_or_init(|| Content::made(self.page.as_deref()))
    }

    /// The page that it is, for who makes another reply of it; none where its body was replaced,
    /// or never was a page. What is left has an empty body.
    #[must_use]
    pub fn take_page(&mut self) -> Option<ListPage> {
        let page = self.page.take()?;
        self.content = OnceLock::new();
        Some(*page)
    }

    /// The same reply with this response as its body.
    #[must_use]
    pub fn with_response(self, response: Response) -> Self {
        Self {
            content: Content::of(response).into(),
            page: None,
            ..self
        }
    }

    /// The response that the body is as a whole, if it is one: read again only where its bytes are
    /// not those that were read before.
    #[must_use]
    pub fn response(&self) -> Option<Cow<'_, Response>> {
        let Content { body, read } = self.content();
        let Body::Complete(bytes) = body else {
            return None;
        };
        if let Some(read) = read.as_ref().filter(|read| same(read.bytes(), bytes)) {
            return Some(Cow::Borrowed(read));
        }
        match Message::parse(bytes.clone()) {
            Ok(Message::Response(response)) => Some(Cow::Owned(response)),
            Ok(Message::Request(_)) | Err(_) => None,
        }
    }

    /// The body, alone.
    #[must_use]
    pub fn into_body(self) -> Body {
        self.into_content().0.body
    }

    /// What it says, made if it was not, and the rest of it.
    fn into_content(mut self) -> (Content, Self) {
        let content = self.content.take();
        let content = content.unwrap_or_else(|| Content::made(self.page.as_deref()));
        self.page = None;
        (content, self)
    }

    /// The same reply with its body replaced.
    #[must_use]
    pub fn map_body(self, with: impl FnOnce(Body) -> Body) -> Self {
        let (Content { body, read }, rest) = self.into_content();
        let body = with(body);
        Self {
            content: Content { body, read }.into(),
            ..rest
        }
    }

    /// What layers attached.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What layers attach.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }
}

impl Content {
    fn of(response: Response) -> Self {
        Self {
            body: Body::Complete(response.bytes().clone()),
            read: Some(Box::new(response)),
        }
    }

    /// That of a page with all its entries; nothing where there is none.
    fn made(page: Option<&ListPage>) -> Self {
        match page {
            Some(page) => Self::of(page.response(page.entries().text())),
            None => Self {
                body: Body::Empty,
                read: None,
            },
        }
    }
}

/// Whether these are the very same bytes in memory: both are shared, so neither can change.
fn same(one: &Bytes, two: &Bytes) -> bool {
    one.as_ptr() == two.as_ptr() && one.len() == two.len()
}

/// What a reply says.
#[derive(Debug)]
pub enum Body {
    /// Nothing: the answer to a notification.
    Empty,
    /// One message, the response.
    Complete(Bytes),
    /// Messages, of which the last is the response. A stream may also end without it, where the
    /// transport lets the client resume elsewhere.
    Stream(Frames),
}

/// One event of a stream: a message, and what Server-Sent Events say around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    data: Bytes,
    event_id: Option<Box<str>>,
    retry_ms: Option<u64>,
}

impl Frame {
    /// An event that carries one message; empty data carries none.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self {
            data: data.into(),
            event_id: None,
            retry_ms: None,
        }
    }

    /// The same with the id by which a client can resume behind it.
    #[must_use]
    pub fn with_event_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.event_id = Some(id.into());
        self
    }

    /// The same with the time, in milliseconds, after which a client should come again.
    #[must_use]
    pub fn with_retry_ms(mut self, retry: u64) -> Self {
        self.retry_ms = Some(retry);
        self
    }

    /// The same around another message.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = data.into();
        self
    }

    /// The message, or nothing.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The id by which a client can resume behind this event.
    #[must_use]
    pub fn event_id(&self) -> Option<&str> {
        self.event_id.as_deref()
    }

    /// The time after which a client should come again, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }
}

/// The events of a reply, as they come. Dropping it stops the work behind it.
pub struct Frames(Pin<Box<dyn Stream<Item = Result<Frame, Error>> + Send>>);

impl Frames {
    /// These events.
    pub fn new(frames: impl Stream<Item = Result<Frame, Error>> + Send + 'static) -> Self {
        Self(Box::pin(frames))
    }
}

impl Stream for Frames {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frames")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, Item, ItemKind, message::PageEntries};

    fn read(text: &'static str) -> Response {
        match Message::parse(text).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => unreachable!(),
        }
    }

    #[test]
    fn a_page_is_a_page_until_its_bytes_are_replaced() {
        let page = || {
            let entry = (Item::new(ItemKind::Tool, "a"), r#"{"name":"a"}"#);
            let entries = PageEntries::new(ItemKind::Tool, [entry]);
            ListPage::new(entries.into(), &Id::number(1))
        };
        let all = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#;
        let complete = |body: &Body| matches!(body, Body::Complete(bytes) if bytes == all);
        let mut reply = Reply::page(page());
        assert!(complete(reply.body()));
        assert!(matches!(reply.response(), Some(Cow::Borrowed(_))));
        let taken = reply.take_page().unwrap();
        assert!(matches!(reply.body(), Body::Empty), "{reply:?}");
        let reply = reply.with_response(taken.response(taken.entries().text()));
        assert!(complete(&reply.into_body()));
        let mut other = Reply::page(page()).map_body(|_| Body::Empty);
        assert!(other.take_page().is_none());
        assert!(matches!(other.into_body(), Body::Empty));
        assert!(complete(&Reply::page(page()).into_body()));
    }

    #[test]
    fn a_body_that_is_changed_is_read_anew() {
        let reply = Reply::of(read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
        assert!(matches!(reply.response(), Some(Cow::Borrowed(_))));
        let reply = reply.map_body(|body| body);
        assert!(matches!(reply.response(), Some(Cow::Borrowed(_))));
        let other = Body::Complete(r#"{"jsonrpc":"2.0","id":2,"error":{"code":7}}"#.into());
        let reply = reply.map_body(|_| other);
        let response = reply.response().unwrap();
        assert!(matches!(response, Cow::Owned(_)));
        assert_eq!(response.outcome(), crate::Outcome::Error { code: 7 });
    }
}
