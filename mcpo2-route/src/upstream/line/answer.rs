use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcpo2_core::{Error, Frame, Method};
use tokio::time::{Instant, Sleep, sleep};

use super::{
    link::Hold,
    mailbox::{Mail, Mailbox},
    table::Entry,
};
use crate::upstream::{fault, mint::Outgoing, own, questions::Questions};

/// What a module says to one request, in time.
///
/// Dropping it before the end takes the call out of the link, and tells the module where that was
/// asked for.
#[derive(Debug)]
pub(super) struct Answer {
    hold: Arc<Hold>,
    out: Arc<Outgoing>,
    entry: Entry,
    on_drop: OnDrop,
    clock: Option<Clock>,
    ended: bool,
}

/// Whether a module is told that nobody waits any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDrop {
    Cancel,
    Forget,
}

impl Answer {
    /// Enters the request into the link and sends it.
    pub(super) async fn ask(
        hold: &Arc<Hold>,
        out: Outgoing,
        on_drop: OnDrop,
    ) -> Result<Self, Error> {
        let out = Arc::new(out);
        let core = hold.core();
        let answer = Self {
            entry: core.table.enter(&out)?,
            hold: Arc::clone(hold),
            clock: (!out.is_endless()).then(|| Clock::start(&core.limits)),
            out,
            on_drop,
            ended: false,
        };
        core.send(answer.out.sent().bytes()).await?;
        Ok(answer)
    }

    /// The next message; the last one is the response.
    pub(super) async fn next(&mut self) -> Option<Result<Mail, Error>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Mail, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(mail) = self.entry.inbox.poll(0, cx) {
            match &mail {
                Some(Ok(Mail::Frame(_))) => {
                    if let Some(clock) = &mut self.clock {
                        clock.tick();
                    }
                }
                _ => self.ended = true,
            }
            return Poll::Ready(mail);
        }
        let questions = &self.hold.core().questions;
        match self.clock.as_mut().map(|clock| clock.poll(questions, cx)) {
            None | Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(())) => {
                self.on_drop = OnDrop::Cancel;
                self.give_up();
                Poll::Ready(Some(Err(fault::timed_out("no answer on the link"))))
            }
        }
    }

    fn give_up(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let core = self.hold.core();
        let open = core.table.leave(&self.entry);
        let tell =
            self.on_drop == OnDrop::Cancel && *self.out.sent().method() != Method::Initialize;
        if open && tell {
            core.try_send(own::cancelled(self.out.id()));
        }
    }
}

impl Stream for Answer {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
            .map(|mail| mail.map(|mail| mail.map(|(Mail::Frame(frame) | Mail::Last(frame))| frame)))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// The time that an answer has: between messages, and in all.
#[derive(Debug)]
struct Clock {
    idle_time: std::time::Duration,
    idle: Pin<Box<Sleep>>,
    total: Pin<Box<Sleep>>,
}

impl Clock {
    fn start(limits: &crate::upstream::Limits) -> Self {
        Self {
            idle_time: limits.idle,
            idle: Box::pin(sleep(limits.idle)),
            total: Box::pin(sleep(limits.total)),
        }
    }

    fn tick(&mut self) {
        // A time beyond what the clock can tell never comes, as `sleep` has it.
        match Instant::now().checked_add(self.idle_time) {
            Some(at) => self.idle.as_mut().reset(at),
            None => self.idle = Box::pin(sleep(self.idle_time)),
        }
    }

    fn poll(&mut self, questions: &Questions, cx: &mut Context<'_>) -> Poll<()> {
        while self.idle.as_mut().poll(cx).is_ready() {
            if !questions.excuse(self.idle_time) {
                return Poll::Ready(());
            }
            self.tick();
        }
        self.total.as_mut().poll(cx)
    }
}

/// What a module says outside any call, until somebody else listens.
#[derive(Debug)]
pub(super) struct Unsolicited {
    inbox: Arc<Mailbox>,
    reader: u64,
}

impl Unsolicited {
    pub(super) fn listen(inbox: &Arc<Mailbox>) -> Self {
        Self {
            reader: inbox.take_over(),
            inbox: Arc::clone(inbox),
        }
    }
}

impl Stream for Unsolicited {
    type Item = Result<Frame, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inbox
            .poll(self.reader, cx)
            .map(|mail| mail.map(|mail| mail.map(|(Mail::Frame(frame) | Mail::Last(frame))| frame)))
    }
}
