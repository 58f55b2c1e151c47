use std::sync::Arc;

use bytes::Bytes;
use mcpo2_core::{Error, Frame, Message, Method, Request, Response};
use tokio::{sync::mpsc, time::timeout};

use super::{
    codec::one_line,
    mailbox::Mailbox,
    table::{Delivery, Table, To},
};
use crate::upstream::{
    Limits, Noise, NoiseCounter, fault,
    mint::{Key, Mint, Reference},
    own,
    questions::Questions,
};

/// How many messages outside any call are kept for who listens.
const UNSOLICITED: usize = 256;

/// What the tasks of a link and its calls share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) mint: Mint,
    pub(super) table: Table,
    pub(super) unsolicited: Arc<Mailbox>,
    pub(super) limits: Limits,
    pub(super) questions: Questions,
    noise: Arc<NoiseCounter>,
    outbox: mpsc::Sender<Bytes>,
}

impl Core {
    pub(super) fn new(
        shared: bool,
        limits: Limits,
        noise: Arc<NoiseCounter>,
        outbox: mpsc::Sender<Bytes>,
    ) -> Self {
        Self {
            mint: Mint::new(shared),
            table: Table::new(limits.response_bytes),
            unsolicited: Arc::new(Mailbox::new(UNSOLICITED, limits.response_bytes)),
            limits,
            questions: Questions::default(),
            noise,
            outbox,
        }
    }

    /// Queues a message for the module, and waits for room.
    pub(super) async fn send(&self, message: &Bytes) -> Result<(), Error> {
        if self.table.is_closed() {
            return Err(fault::unavailable("the link is closed"));
        }
        match timeout(self.limits.idle, self.outbox.send(one_line(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(closed)) => Err(fault::unavailable(closed.to_string())),
            Err(elapsed) => Err(fault::timed_out(elapsed)),
        }
    }

    /// Queues a message that may be lost where the module reads nothing.
    pub(super) fn try_send(&self, message: Bytes) {
        if self.outbox.try_send(message).is_err() {
            tracing::debug!("a message to the module is dropped, it takes none");
        }
    }

    /// Ends everything under way.
    pub(super) fn close(&self, reason: &str) {
        self.table.close(reason);
        self.unsolicited.finish(Ok(None));
    }

    /// Takes one line from the module.
    pub(super) fn receive(&self, line: Bytes) {
        match Message::parse(line) {
            Ok(Message::Response(response)) => self.response(&response),
            Ok(Message::Request(request)) if request.id().is_some() => self.reverse(&request),
            Ok(Message::Request(notification)) => self.notification(&notification),
            Err(error) => {
                self.noise.heard(Noise::NoMessage);
                tracing::warn!(
                    code = error.code(),
                    "a line of the module is no message, dropped"
                );
            }
        }
    }

    fn response(&self, response: &Response) {
        let delivery = match response.id() {
            Some(id) => self
                .table
                .answer(&Key::of(id), |out| out.response(response)),
            None => Delivery::Nobody,
        };
        if matches!(delivery, Delivery::Nobody) {
            self.noise.heard(Noise::Answer);
            tracing::warn!("an answer of the module is to nobody, dropped");
        }
    }

    fn notification(&self, notification: &Request) {
        let bytes = notification.bytes();
        let delivery = match (notification.method(), Reference::read(notification)) {
            (Method::Progress, Some(Reference::Progress(token, _))) => {
                let to = To::Token(&token);
                let delivery = self.table.deliver(&to, |out| {
                    out.takes(notification)
                        .then(|| out.notification(notification))
                });
                if matches!(delivery, Delivery::Nobody) {
                    self.noise.heard(Noise::Progress);
                    tracing::warn!("progress of the module is of no call, or goes back, dropped");
                }
                self.settle(&delivery);
                return;
            }
            (_, Some(Reference::Subscription(id, _))) => {
                let to = To::Id(&id);
                self.table
                    .deliver(&to, |out| Some(out.notification(notification)))
            }
            // What it asked there was refused at once.
            (Method::Cancelled, _) if self.mint.is_shared() => return,
            (Method::LogMessage | Method::Cancelled, _) => {
                self.table.deliver(&To::Only, |_| Some(bytes.clone()))
            }
            _ => Delivery::Nobody,
        };
        self.settle(&delivery);
        if matches!(delivery, Delivery::Nobody) {
            self.unsolicited.push(Frame::new(bytes.clone()));
        }
    }

    /// A request of the module to its client, of whom a shared link has none.
    fn reverse(&self, request: &Request) {
        if self.mint.is_shared() {
            self.noise.heard(Noise::Question);
            self.try_send(own::refusal(request));
            return;
        }
        self.questions.asked();
        let bytes = request.bytes();
        let delivery = self.table.deliver(&To::Newest, |_| Some(bytes.clone()));
        self.settle(&delivery);
        if matches!(delivery, Delivery::Nobody) {
            self.unsolicited.push(Frame::new(bytes.clone()));
        }
    }

    fn settle(&self, delivery: &Delivery) {
        if let Delivery::TooMuch(id) = delivery {
            self.try_send(own::cancelled(id));
        }
    }
}
