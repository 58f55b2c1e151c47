use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_core::{Error, Frames, ProtocolVersion, Reply, Request};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::AbortHandle,
};

use super::{
    answer::{Answer, OnDrop, Unsolicited},
    core::Core,
    handshake::{self, Greeting},
    mailbox::Mail,
    pump,
};
use crate::upstream::{ClientInfo, ForwardHeaders, Hello, Limits, Link, NoiseCounter, fault};

/// Messages that may wait for the module to read them.
const OUTBOX: usize = 64;

/// What is read from, what is written to, and what is dropped when the link ends.
type Pipes<R, W, G> = (R, W, G);

/// A link of one message a line, over any pair of pipes.
///
/// It ends when the last handle is dropped: the link itself, or the stream of a reply. One who
/// [`listen`](Link::listen)s does not keep it, and ends the stream of who listened before.
///
/// `subscriptions/listen` has no time-out and no limit in bytes, all other calls have both.
pub struct LineLink {
    hold: Arc<Hold>,
    greeting: Greeting,
}

impl LineLink {
    /// Shakes hands over the pipes: with what `hello` says for one session, or for all calls
    /// without a session where there is none.
    ///
    /// The pipes and the `guard` are dropped when the link ends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](mcpo2_core::ErrorKind::Unavailable) where the module ends or does not answer within
    /// [`Limits::connect`], [`ErrorKind::Upstream`](mcpo2_core::ErrorKind::Upstream) where it speaks no revision that the gateway
    /// speaks.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn open(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        hello: Option<&Hello>,
        client: &ClientInfo,
        limits: Limits,
        guard: impl Send + 'static,
    ) -> Result<Arc<Self>, Error> {
        let terms = (client, limits, Arc::default());
        Self::join((reader, writer, guard), hello, terms).await
    }

    /// As [`open`](Self::open); noise is counted where its module's is.
    pub(in crate::upstream) async fn join(
        (reader, writer, guard): Pipes<
            impl AsyncRead + Send + Unpin + 'static,
            impl AsyncWrite + Send + Unpin + 'static,
            impl Send + 'static,
        >,
        hello: Option<&Hello>,
        (client, limits, noise): (&ClientInfo, Limits, Arc<NoiseCounter>),
    ) -> Result<Arc<Self>, Error> {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let core = Arc::new(Core::new(hello.is_none(), limits, noise, outbox));
        let reading = tokio::spawn(pump::read(reader, Arc::clone(&core)));
        let writing = tokio::spawn(pump::write(writer, inbox, Arc::clone(&core)));
        let hold = Arc::new(Hold {
            core,
            tasks: [reading.abort_handle(), writing.abort_handle()],
            guard: Mutex::new(Some(Box::new(guard))),
        });
        let greeting = handshake::greet(&hold, hello, client).await?;
        Ok(Arc::new(Self { hold, greeting }))
    }

    fn on_drop(&self) -> OnDrop {
        let core = self.hold.core();
        match core.mint.is_shared() || self.version().is_stateless() {
            true => OnDrop::Cancel,
            false => OnDrop::Forget,
        }
    }
}

#[async_trait]
impl Link for LineLink {
    fn version(&self) -> ProtocolVersion {
        self.greeting.0
    }

    fn server(&self) -> &Bytes {
        &self.greeting.1
    }

    fn is_open(&self) -> bool {
        !self.hold.core().table.is_closed()
    }

    async fn request(&self, request: &Request, _: &ForwardHeaders) -> Result<Reply, Error> {
        let core = self.hold.core();
        let Some(out) = core.mint.outgoing(request) else {
            self.send(request.bytes().clone()).await?;
            return Ok(Reply::accepted());
        };
        let mut answer = Answer::ask(&self.hold, out, self.on_drop()).await?;
        match answer.next().await {
            Some(Ok(Mail::Last(frame))) => Ok(Reply::complete(frame.data().clone())),
            Some(Ok(Mail::Frame(first))) => {
                let first = futures_util::stream::iter([Ok(first)]);
                Ok(Reply::stream(futures_util::StreamExt::chain(first, answer)))
            }
            Some(Err(error)) => Err(error),
            None => Err(fault::unavailable("the link ended")),
        }
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        let core = self.hold.core();
        match core.mint.admits(&message)? {
            true => {
                core.questions.sent(&message);
                core.send(&message).await
            }
            false => Ok(()),
        }
    }

    async fn listen(&self, _: Option<&str>) -> Result<Option<Frames>, Error> {
        let unsolicited = Unsolicited::listen(&self.hold.core().unsolicited);
        Ok(Some(Frames::new(unsolicited)))
    }

    async fn close(&self) {
        self.hold.end();
    }
}

impl fmt::Debug for LineLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineLink")
            .field("version", &self.version())
            .field("shared", &self.hold.core().mint.is_shared())
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}

/// What runs for a link; dropping it ends that.
pub(super) struct Hold {
    core: Arc<Core>,
    tasks: [AbortHandle; 2],
    guard: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Hold {
    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    fn end(&self) {
        self.core.close("the link is closed");
        self.tasks.iter().for_each(AbortHandle::abort);
        let guard = self
            .guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(guard);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}
