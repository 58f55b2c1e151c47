use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};

use super::{
    answer::{Answers, Said},
    http::{Body, Listening, boxed, json, status},
};

/// How late a late answer is.
const LATE: Duration = Duration::from_millis(200);

/// A server of MCP on raw hyper that does next to nothing: `echo` gives back its `text`.
///
/// Besides, `large` gives as many `bytes` as are asked for, `stream` answers by Server-Sent
/// Events, `late` after 200 ms, and `lost` never.
#[derive(Debug)]
pub struct Upstream(Listening);

impl Upstream {
    /// Serves on this address, until it is dropped, with this many tools in its list.
    ///
    /// # Errors
    ///
    /// Where the address cannot be listened on.
    pub async fn start(listen: &str, tools: usize) -> anyhow::Result<Self> {
        let answers = Arc::new(Answers::new(tools));
        let sessions = Arc::new(AtomicU64::new(1));
        let answer = move |request| answer(request, Arc::clone(&answers), Arc::clone(&sessions));
        Ok(Self(Listening::start(listen, answer).await?))
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Answers>,
    sessions: Arc<AtomicU64>,
) -> Response<Body> {
    match *request.method() {
        Method::GET => return events(vec![], Some(Opened)),
        Method::DELETE => return status(StatusCode::OK),
        _ => {}
    }
    let Ok(body) = request.into_body().collect().await else {
        return status(StatusCode::BAD_REQUEST);
    };
    match answers.to(&body.to_bytes()) {
        None => status(StatusCode::BAD_REQUEST),
        Some(Said::Nothing) => status(StatusCode::ACCEPTED),
        Some(Said::Message(message)) => json(message),
        Some(Said::Late(message)) => {
            tokio::time::sleep(LATE).await;
            json(message)
        }
        Some(Said::Never) => std::future::pending().await,
        Some(Said::Session(message)) => {
            let mut response = json(message);
            let id = sessions.fetch_add(1, Ordering::Relaxed);
            if let Ok(id) = HeaderValue::from_str(&format!("load-{id}")) {
                response.headers_mut().insert("mcp-session-id", id);
            }
            response
        }
        Some(Said::Stream(messages)) => events(messages.into(), None),
        Some(Said::Open(message)) => events(vec![message], Some(Opened)),
    }
}

/// That a stream stays open.
struct Opened;

fn events(messages: Vec<String>, open: Option<Opened>) -> Response<Body> {
    let text: String = messages
        .iter()
        .map(|message| format!("data: {message}\n\n"))
        .collect();
    let body = match open {
        None => boxed(Full::new(text.into())),
        Some(Opened) => boxed(Endless(Some(match text.is_empty() {
            true => Bytes::from_static(b": open\n\n"),
            false => text.into(),
        }))),
    };
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// One frame, and then nothing for ever.
struct Endless(Option<Bytes>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        false
    }
}
