use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::tcp::{ReadHalf, WriteHalf},
    sync::watch,
    time::sleep,
};

use super::script::Act;

/// How a direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In good order, by the side that spoke.
    Ended,
    /// In good order, by the script.
    Cut,
    /// With a reset, made here or by one of the two sides.
    Reset,
}

/// The bytes of one direction.
pub(super) struct Flow<'a, C> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    released: watch::Receiver<u64>,
    count: C,
    /// Read, and not passed on yet.
    waiting: BytesMut,
}

impl<'a, C: Fn(usize)> Flow<'a, C> {
    pub(super) fn new(
        from: ReadHalf<'a>,
        to: WriteHalf<'a>,
        released: watch::Receiver<u64>,
        count: C,
    ) -> Self {
        let waiting = BytesMut::new();
        Self {
            from,
            to,
            released,
            count,
            waiting,
        }
    }

    /// Does what the acts say, then passes what is left.
    pub(super) async fn follow(mut self, acts: Vec<Act>) -> End {
        self.run(acts).await.unwrap_or(End::Reset)
    }

    async fn run(&mut self, acts: Vec<Act>) -> io::Result<End> {
        for act in acts {
            let is_cut = matches!(act, Act::Cut);
            let goes_on = match act {
                Act::Pass(bytes) => self.pass(bytes).await?,
                Act::PassUntil(text) => self.pass_until(&text).await?,
                Act::Hold => self.hold().await,
                Act::Delay(time) => {
                    sleep(time).await;
                    true
                }
                Act::Trickle(bytes, pause) => {
                    let mut left = bytes;
                    while left > 0 && self.fill().await? {
                        sleep(pause).await;
                        self.write(1).await?;
                        left -= 1;
                    }
                    left == 0
                }
                Act::Garble(bytes) => self.garble(bytes).await?,
                Act::Say(text) => {
                    self.to.write_all(&text).await?;
                    true
                }
                Act::Cut => false,
                Act::Reset => return Ok(End::Reset),
            };
            if !goes_on {
                self.to.shutdown().await?;
                return Ok(if is_cut { End::Cut } else { End::Ended });
            }
        }
        self.pass(usize::MAX).await?;
        self.to.shutdown().await?;
        Ok(End::Ended)
    }

    /// False where it ended before.
    async fn pass(&mut self, mut bytes: usize) -> io::Result<bool> {
        while bytes > 0 {
            if !self.fill().await? {
                return Ok(false);
            }
            let now = bytes.min(self.waiting.len());
            self.write(now).await?;
            bytes -= now;
        }
        Ok(true)
    }

    async fn pass_until(&mut self, text: &[u8]) -> io::Result<bool> {
        // The end of what has passed, as far as the text may have begun in it.
        let mut tail = Vec::new();
        while self.fill().await? {
            let seen = [&*tail, &*self.waiting].concat();
            let found = seen
                .windows(text.len().max(1))
                .position(|part| part == text);
            if let Some(at) = found {
                self.write(at + text.len() - tail.len()).await?;
                return Ok(true);
            }
            self.write(self.waiting.len()).await?;
            let keep = seen.len().min(text.len().saturating_sub(1));
            tail = seen.into_iter().rev().take(keep).collect();
            tail.reverse();
        }
        Ok(false)
    }

    async fn garble(&mut self, mut bytes: usize) -> io::Result<bool> {
        while bytes > 0 {
            if !self.fill().await? {
                return Ok(false);
            }
            let now = bytes.min(self.waiting.len());
            self.waiting
                .iter_mut()
                .take(now)
                .for_each(|byte| *byte ^= 0x80);
            self.write(now).await?;
            bytes -= now;
        }
        Ok(true)
    }

    async fn hold(&mut self) -> bool {
        self.released.changed().await.is_ok()
    }

    /// Sees to it that bytes wait; false at the end.
    async fn fill(&mut self) -> io::Result<bool> {
        while self.waiting.is_empty() {
            self.waiting.reserve(16 * 1024);
            if self.from.read_buf(&mut self.waiting).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn write(&mut self, bytes: usize) -> io::Result<()> {
        let now = bytes.min(self.waiting.len());
        if let Some(part) = self.waiting.get(..now) {
            self.to.write_all(part).await?;
        }
        self.waiting.advance(now);
        (self.count)(now);
        Ok(())
    }
}
