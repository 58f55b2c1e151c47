//! Calls of clients without sessions to modules that have them, and ask while they work.
//!
//! Such a call has a link to itself, opened with what its client can be asked and no more. What
//! the module asks there becomes the result of the request (`input_required`), and the call waits
//! until the client comes back with the answers.

mod held;
mod lot;
mod pool;
#[cfg(test)]
mod tests;

pub(super) use self::pool::{Key, Line};
pub(crate) use self::{lot::Lot, pool::Pool};

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, unfold},
};
use mcpo2_core::{Error, ErrorKind, Frame, Frames, ProtocolVersion, Reply, Request};

use self::held::{Held, Next};
use super::{caller::Caller, edit};
use crate::upstream::{ForwardHeaders, Link};

/// The link of one call.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) caller: Caller,
    pub(crate) pool: Arc<Pool>,
    pub(crate) lot: Arc<Lot>,
    /// What all calls share.
    pub(crate) shared: Arc<dyn Link>,
    /// How long a call may take in all.
    pub(crate) time: Duration,
}

impl Asking {
    async fn start(&self, request: &Request, headers: &ForwardHeaders) -> Result<Round, Error> {
        let key = Key {
            binding: self.caller.binding,
            abilities: self.caller.abilities.clone(),
        };
        let bare = edit::without_stateless_parts(request);
        loop {
            let place = self.pool.place().await?;
            let mut line = self.pool.line(&key).await?;
            if let Some(level) = self.caller.level {
                line.log(level).await?;
            }
            let on = (&self.pool, line, place);
            let held = Held::start(on, &bare, headers, (&self.caller, self.time))?;
            let mut round = self.round(held);
            match round.next().await {
                // Nothing was done: the module has forgotten the link.
                Some(Err(error))
                    if error.kind() == ErrorKind::Unavailable && round.found_its_link_ended() => {}
                Some(first) => return round.with_first(first),
                None => return Err(Error::new(ErrorKind::Internal, "internal error")),
            }
        }
    }

    async fn go_on(&self, request: &Request) -> Result<Option<Round>, Error> {
        let Some(back) = &self.caller.back else {
            return Ok(None);
        };
        let mut held = self.lot.take(&self.caller, &back.state)?;
        held.go_on(request, &self.caller, back).await?;
        let mut round = self.round(held);
        match round.next().await {
            Some(first) => round.with_first(first).map(Some),
            None => Err(Error::new(ErrorKind::Internal, "internal error")),
        }
    }

    fn round(&self, held: Held) -> Round {
        Round {
            held: Some(held),
            lot: Arc::clone(&self.lot),
            caller: self.caller.clone(),
            first: None,
        }
    }
}

#[async_trait]
impl Link for Asking {
    fn version(&self) -> ProtocolVersion {
        self.shared.version()
    }

    fn server(&self) -> &Bytes {
        self.shared.server()
    }

    fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    async fn request(&self, request: &Request, headers: &ForwardHeaders) -> Result<Reply, Error> {
        let round = match self.go_on(request).await? {
            Some(round) => round,
            None => self.start(request, headers).await?,
        };
        Ok(round.into_reply())
    }

    async fn send(&self, message: Bytes) -> Result<(), Error> {
        self.shared.send(message).await
    }

    async fn listen(&self, after: Option<&str>) -> Result<Option<Frames>, Error> {
        self.shared.listen(after).await
    }

    async fn close(&self) {}
}

/// A call between its request and the result that the client gets: of the module, or what the
/// module asks.
struct Round {
    held: Option<Held>,
    lot: Arc<Lot>,
    caller: Caller,
    first: Option<Bytes>,
}

impl Round {
    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        let held = self.held.as_mut()?;
        Some(match held.next().await {
            Ok(Next::Said(bytes)) => Ok(bytes),
            Ok(Next::Answered(bytes)) => {
                self.held = None;
                Ok(bytes)
            }
            Ok(Next::Waits) => self.park(),
            Err(error) => {
                if !held.found_its_link_ended() {
                    self.held = None;
                }
                Err(error)
            }
        })
    }

    fn park(&mut self) -> Result<Bytes, Error> {
        let internal = || Error::new(ErrorKind::Internal, "internal error");
        let held = self.held.take().ok_or_else(internal)?;
        self.lot.park(&self.caller, held)
    }

    fn found_its_link_ended(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(Held::found_its_link_ended)
    }

    fn with_first(mut self, first: Result<Bytes, Error>) -> Result<Self, Error> {
        self.first = Some(first?);
        Ok(self)
    }

    fn into_reply(mut self) -> Reply {
        let first = self.first.take().unwrap_or_default();
        if self.held.is_none() {
            return Reply::complete(first);
        }
        let first = stream::iter([Ok(Frame::new(first))]);
        let rest = unfold(self, |mut round| async move {
            let next = round.next().await?;
            if next.is_err() {
                round.held = None;
            }
            Some((next.map(Frame::new), round))
        });
        Reply::stream(first.chain(rest))
    }
}
