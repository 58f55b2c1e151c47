//! What the thread of a ledger is asked to do beside writing.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
};

use crate::{Error, ErrorKind, queue::Queue, writer::Writer};

type Order = Box<dyn FnOnce(&mut Writer) -> Result<(), Error> + Send>;

/// Orders, until the thread has ended.
#[derive(Default)]
pub(crate) struct Orders(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    orders: Vec<Order>,
    has_ended: bool,
}

impl Orders {
    /// Has something done on the thread that writes, and waits for it.
    ///
    /// # Errors
    ///
    /// Its own; and where nobody is left to do it.
    pub(crate) fn give<T: Send + 'static>(
        &self,
        queue: &Queue,
        order: impl FnOnce(&mut Writer) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (said, says) = mpsc::sync_channel(1);
        let mut waiting = self.waiting();
        if waiting.has_ended {
            queue.check()?;
            return Err(Error::new(ErrorKind::Closed, "the ledger is closed"));
        }
        waiting.orders.push(Box::new(move |writer| {
            let (result, told) = match order(writer) {
                // It was not to be, or changed nothing that records rest on.
                Err(error) if !writer.is_broken => (Err(error), Ok(())),
                Err(error) => {
                    let told = crate::text::chain(&error, 1024);
                    (
                        Err(error),
                        Err(Error::new(ErrorKind::Io, told.into_string())),
                    )
                }
                Ok(done) => (Ok(done), Ok(())),
            };
            // Who asked may be gone.
            let _ = said.send(result);
            told
        }));
        drop(waiting);
        queue.rouse();
        match says.recv() {
            Ok(result) => result,
            Err(_) => {
                queue.check()?;
                Err(Error::new(ErrorKind::Closed, "the ledger is closed"))
            }
        }
    }

    /// Does what was asked.
    pub(crate) fn carry_out(&self, writer: &mut Writer) -> Result<bool, Error> {
        let orders = std::mem::take(&mut self.waiting().orders);
        let any = !orders.is_empty();
        for order in orders {
            order(writer)?;
        }
        Ok(any)
    }

    /// Nothing is done any more.
    pub(crate) fn end(&self) {
        let mut waiting = self.waiting();
        waiting.has_ended = true;
        waiting.orders.clear();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").finish_non_exhaustive()
    }
}
