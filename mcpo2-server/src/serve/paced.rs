use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// A connection that must begin to speak, and must read what it is sent.
///
/// hyper bounds the time of the headers of a request, but only once it knows which HTTP this is,
/// and it waits for ever for a client that reads nothing.
pub(super) struct Paced<T> {
    io: T,
    write: Duration,
    /// How many of the first bytes are missing; none where nothing is waited for.
    silent: usize,
    /// Until the first bytes are there, and again while the other side reads nothing.
    timer: Option<Pin<Box<Sleep>>>,
    asked: Asked,
}

/// Whether something was read since something was written: half a request, perhaps.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<AtomicBool>);

/// Why a connection was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stall {
    /// It did not begin to speak.
    Silent,
    /// It read nothing for long.
    Unread,
}

/// As many bytes as tell HTTP/2 from HTTP/1, where every request has more.
const FIRST: usize = 24;

impl<T> Paced<T> {
    /// `first` is for the first bytes, `write` for each time that the other side has to read.
    pub(super) fn new(io: T, (first, write): (Duration, Duration), asked: &Asked) -> Self {
        let timer = Instant::now().checked_add(first);
        Self {
            io,
            write,
            silent: FIRST,
            timer: timer.map(|until| Box::pin(sleep_until(until))),
            asked: asked.clone(),
        }
    }

    fn spoke(&mut self, bytes: usize) {
        if bytes > 0 {
            self.asked.0.store(true, Relaxed);
        }
        if self.silent > 0 {
            self.silent = self.silent.saturating_sub(bytes);
            if self.silent == 0 {
                self.timer = None;
            }
        }
    }

    /// What comes of an attempt to write: it is given up when none has come through for long.
    fn written<R>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.timer = None;
            self.silent = 0;
            return result;
        }
        if self.silent > 0 {
            // The timer so far is that of the first bytes.
            (self.silent, self.timer) = (0, None);
        }
        let write = self.write;
        let timer = self.timer.get_or_insert_with(|| {
            let long = Duration::from_secs(1 << 30);
            let until = Instant::now().checked_add(write.min(long));
            Box::pin(sleep_until(until.unwrap_or_else(Instant::now)))
        });
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(Stall::Unread.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Asked {
    pub(super) fn is_open(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buf) {
            Poll::Ready(result) => {
                let read = buf.filled().len().saturating_sub(before);
                self.spoke(read);
                Poll::Ready(result)
            }
            Poll::Pending if self.silent > 0 => match self.timer.as_mut() {
                Some(timer) => timer.as_mut().poll(cx).map(|()| Err(Stall::Silent.into())),
                None => Poll::Pending,
            },
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.asked.0.store(false, Relaxed);
        self.written(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_flush(cx) {
            // A flush of nothing says nothing of the other side.
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => self.written(cx, Poll::Pending),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.asked.0.store(false, Relaxed);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl Stall {
    /// The stall behind an error of hyper, if one is.
    pub(super) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            if let Some(stall) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
                return Some(*stall);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "the client says nothing",
            Self::Unread => "the client reads nothing",
        })
    }
}

impl std::error::Error for Stall {}

impl From<Stall> for io::Error {
    fn from(stall: Stall) -> Self {
        Self::new(io::ErrorKind::TimedOut, stall)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const FIRST_WAIT: Duration = Duration::from_secs(10);
    const WRITE_WAIT: Duration = Duration::from_secs(30);
    const TIMES: (Duration, Duration) = (FIRST_WAIT, WRITE_WAIT);

    fn stall(error: io::Error) -> Option<Stall> {
        Stall::behind(&error)
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_or_little_is_cut_off() {
        for said in ["", "PRI * HTTP"] {
            let (mut client, server) = duplex(64);
            let asked = Asked::default();
            let mut server = Paced::new(server, TIMES, &asked);
            client.write_all(said.as_bytes()).await.unwrap();
            let mut read = Vec::new();
            let error = server.read_to_end(&mut read).await.unwrap_err();
            assert_eq!(stall(error), Some(Stall::Silent));
            assert_eq!(asked.is_open(), !said.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_spoken_may_be_silent() {
        let (mut client, server) = duplex(64);
        let asked = Asked::default();
        let mut server = Paced::new(server, TIMES, &asked);
        client.write_all(&[b'x'; FIRST]).await.unwrap();
        let mut read = [0; FIRST + 1];
        server.read_exact(&mut read[..FIRST]).await.unwrap();
        let more = tokio::time::timeout(FIRST_WAIT * 9, server.read(&mut read)).await;
        assert!(more.is_err(), "{more:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut_off_and_who_reads_slowly_is_not() {
        let (mut client, server) = duplex(8);
        let asked = Asked::default();
        let mut server = Paced::new(server, TIMES, &asked);
        client.write_all(b"12345678").await.unwrap();
        server.read_exact(&mut [0; 8]).await.unwrap();
        let slow = async {
            for _ in 0..4 {
                tokio::time::sleep(WRITE_WAIT - Duration::from_secs(1)).await;
                client.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(server.write_all(&[0; 32]), slow);
        written.unwrap();
        assert!(!asked.is_open());
        let error = server.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(stall(error), Some(Stall::Unread));
    }
}
