use std::time::Duration;

use bytes::Bytes;

/// What becomes of one connection: what is done to the bytes that go up to the server, and to
/// those that come down from it.
///
/// Behind the last act of a direction everything passes as it is.
///
/// ```
/// use mcpo2_testkit::chaos::{Act, Script};
///
/// // The head of the answer passes, and then the connection is reset.
/// let script = Script::default()
///     .down(Act::PassUntil("\r\n\r\n".into()))
///     .down(Act::Reset);
/// # let _ = script;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub(super) up: Vec<Act>,
    pub(super) down: Vec<Act>,
}

/// One thing that is done to the bytes of one direction, in its turn.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Act {
    /// So many bytes pass.
    Pass(usize),
    /// All bytes up to the end of this text pass, however they are cut into packets.
    PassUntil(Bytes),
    /// Nothing passes until a [release](super::Chaos::release): the next one since the connection
    /// was accepted, or since its direction was last held.
    Hold,
    /// Nothing passes for this long.
    Delay(Duration),
    /// So many bytes pass one by one, with this pause before each.
    Trickle(usize, Duration),
    /// So many bytes pass with their highest bit changed, so that ASCII is no UTF-8 any more.
    Garble(usize),
    /// These bytes are said as if the other side had.
    Say(Bytes),
    /// The direction ends in good order (FIN), whatever the other side still says.
    Cut,
    /// The connection ends in both directions at once, and not in good order (RST).
    Reset,
}

impl Script {
    /// The script of a connection that is accepted and reset before a byte passes.
    #[must_use]
    pub fn reset() -> Self {
        // Without the first, what a client says at once could be faster than the reset.
        Self::default().up(Act::Hold).down(Act::Reset)
    }

    /// The script of a connection whose server is never heard.
    #[must_use]
    pub fn silent() -> Self {
        Self::default().down(Act::Hold)
    }

    /// Adds what is done next to the bytes on their way to the server.
    #[must_use]
    pub fn up(mut self, act: Act) -> Self {
        self.up.push(act);
        self
    }

    /// Adds what is done next to the bytes on their way to the client.
    #[must_use]
    pub fn down(mut self, act: Act) -> Self {
        self.down.push(act);
        self
    }
}
