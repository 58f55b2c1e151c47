//! Which HTTP a client speaks.

use std::{
    io::{self, IoSlice},
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What a client of HTTP/2 says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// A connection whose first bytes were looked at, and are read again.
///
/// hyper-util finds the version out as well, and keeps for each connection what either would need.
/// It gives the first bytes apart from those behind them, too, for which hyper then takes twice the
/// buffer.
pub(super) struct Known<T> {
    io: T,
    first: [u8; PREFACE.len()],
    /// Which of the first bytes are still to be read.
    left: Range<u8>,
}

/// Reads as much of what a client says first as tells the version.
///
/// # Errors
///
/// What reading says.
pub(super) async fn version<T>(mut io: T) -> io::Result<(Version, Known<T>)>
where
    T: AsyncRead + Unpin,
{
    let mut first = [0; PREFACE.len()];
    let mut read = 0;
    let version = loop {
        let rest = first.get_mut(read..).unwrap_or_default();
        if rest.is_empty() {
            break Version::Http2;
        }
        let more = io.read(rest).await?;
        read += more;
        if more == 0 || first.get(..read) != PREFACE.get(..read) {
            break Version::Http1;
        }
    };
    let left = 0..u8::try_from(read).unwrap_or_default();
    Ok((version, Known { io, first, left }))
}

impl<T: AsyncRead + Unpin> AsyncRead for Known<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let (start, end) = (usize::from(self.left.start), usize::from(self.left.end));
        let end = end.min(start + buf.remaining());
        buf.put_slice(self.first.get(start..end).unwrap_or_default());
        self.left.start = u8::try_from(end).unwrap_or(self.left.end);
        // With what stands behind them already, if there is room.
        if buf.remaining() > 0
            && let Poll::Ready(Err(error)) = Pin::new(&mut self.io).poll_read(cx, buf)
        {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Known<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    async fn told(said: &[&[u8]]) -> (Version, Vec<u8>) {
        let (mut client, server) = duplex(256);
        let said: Vec<_> = said.iter().map(|part| part.to_vec()).collect();
        let client = tokio::spawn(async move {
            for part in said {
                client.write_all(&part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (version, mut known) = version(server).await.unwrap();
        client.await.unwrap();
        let mut all = Vec::new();
        known.read_to_end(&mut all).await.unwrap();
        (version, all)
    }

    #[tokio::test]
    async fn the_version_is_told_by_the_first_bytes_and_none_of_them_is_lost() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        assert_eq!(told(&[get]).await, (Version::Http1, get.to_vec()));
        let (half, rest) = PREFACE.split_at(9);
        let whole = [&PREFACE[..], b"frames"].concat();
        assert_eq!(
            told(&[half, rest, b"frames"]).await,
            (Version::Http2, whole)
        );
        let other = [half, b"x", rest].concat();
        assert_eq!(told(&[half, b"x", rest]).await, (Version::Http1, other));
        assert_eq!(told(&[]).await, (Version::Http1, vec![]));
    }

    #[tokio::test]
    async fn a_request_is_read_at_once_with_its_first_bytes() {
        let (mut client, server) = duplex(256);
        let request = [b'x'; 200];
        client.write_all(&request).await.unwrap();
        let (_, mut known) = version(server).await.unwrap();
        let mut read = [0; 256];
        assert_eq!(known.read(&mut read).await.unwrap(), request.len());
        let mut little = [0; 5];
        client.write_all(b"more").await.unwrap();
        assert_eq!(known.read(&mut little).await.unwrap(), 4);
    }
}
