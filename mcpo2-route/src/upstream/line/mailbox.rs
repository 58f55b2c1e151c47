use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use mcpo2_core::{Error, Frame};

/// A bounded queue from the reader of a link to one waiting stream.
///
/// The reader never waits for a slow stream, since others read behind it: what does not fit
/// pushes out the oldest. The last item always fits.
#[derive(Debug)]
pub(crate) struct Mailbox {
    frames: usize,
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Frame>,
    queued: usize,
    end: Option<Result<Option<Frame>, Error>>,
    ended: bool,
    reader: u64,
    waker: Option<Waker>,
}

/// What comes out of a mailbox.
#[derive(Debug)]
pub(crate) enum Mail {
    /// One of several.
    Frame(Frame),
    /// The last one.
    Last(Frame),
}

impl Mailbox {
    /// A queue of so many frames, and so many bytes in all of them.
    pub(crate) fn new(frames: usize, bytes: usize) -> Self {
        Self {
            frames,
            bytes,
            state: Mutex::default(),
        }
    }

    /// Queues a frame, and says how many had to go for it.
    pub(crate) fn push(&self, frame: Frame) -> usize {
        let mut lost = 0;
        self.with(|state| {
            if state.ended {
                return;
            }
            state.queued += frame.data().len();
            state.queue.push_back(frame);
            while state.queue.len() > self.frames || state.queued > self.bytes {
                let Some(oldest) = state.queue.pop_front() else {
                    break;
                };
                state.queued -= oldest.data().len();
                lost += 1;
            }
        });
        lost
    }

    /// Queues the end; what comes later is dropped.
    pub(crate) fn finish(&self, end: Result<Option<Frame>, Error>) {
        self.with(|state| {
            if !state.ended {
                state.ended = true;
                state.end = Some(end);
            }
        });
    }

    /// Takes the reading side over from whoever had it, whose stream ends.
    pub(crate) fn take_over(&self) -> u64 {
        self.with(|state| {
            state.reader += 1;
            state.reader
        })
    }

    pub(crate) fn poll(&self, reader: u64, cx: &Context<'_>) -> Poll<Option<Result<Mail, Error>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.reader != reader {
            return Poll::Ready(None);
        }
        if let Some(frame) = state.queue.pop_front() {
            state.queued -= frame.data().len();
            return Poll::Ready(Some(Ok(Mail::Frame(frame))));
        }
        match state.end.take() {
            Some(Ok(Some(frame))) => Poll::Ready(Some(Ok(Mail::Last(frame)))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            Some(Ok(None)) => Poll::Ready(None),
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let out = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(mailbox: &Mailbox, reader: u64) -> Vec<String> {
        let cx = Context::from_waker(Waker::noop());
        let mut out = Vec::new();
        while let Poll::Ready(Some(Ok(Mail::Frame(frame) | Mail::Last(frame)))) =
            mailbox.poll(reader, &cx)
        {
            out.push(String::from_utf8(frame.data().to_vec()).unwrap());
        }
        out
    }

    #[test]
    fn the_oldest_make_room_and_the_last_always_fits() {
        let mailbox = Mailbox::new(2, 100);
        let lost: usize = ["a", "b", "c"]
            .map(|d| mailbox.push(Frame::new(d)))
            .iter()
            .sum();
        mailbox.finish(Ok(Some(Frame::new("end"))));
        assert_eq!(lost, 1);
        assert_eq!(mailbox.push(Frame::new("late")), 0);
        assert_eq!(drain(&mailbox, 0), ["b", "c", "end"]);
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let mailbox = Mailbox::new(10, 5);
        assert_eq!(mailbox.push(Frame::new("aaa")), 0);
        assert_eq!(mailbox.push(Frame::new("bbb")), 1);
        assert_eq!(mailbox.push(Frame::new("cccccc")), 2);
        assert!(drain(&mailbox, 0).is_empty());
    }

    #[test]
    fn a_new_reader_ends_the_old_one() {
        let mailbox = Mailbox::new(10, 50);
        let first = mailbox.take_over();
        let second = mailbox.take_over();
        mailbox.push(Frame::new("a"));
        let cx = Context::from_waker(Waker::noop());
        assert!(matches!(mailbox.poll(first, &cx), Poll::Ready(None)));
        assert_eq!(drain(&mailbox, second), ["a"]);
    }
}
