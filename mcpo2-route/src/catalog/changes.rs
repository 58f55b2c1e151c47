//! Which lists changed, told to whoever listens: at once, and then once in a while.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use mcpo2_core::{Frame, Frames, ItemKind, Message, Request};
use tokio::{sync::watch, time::Instant};

/// A list that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Change {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The lists of resources and their templates.
    Resources,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    /// The notification that tells of it.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
        }
    }

    /// What a message tells of, if of any.
    pub(crate) fn told_by(frame: &Frame) -> Option<Self> {
        // Most messages tell of none, and are not worth parsing.
        memchr::memmem::find(frame.data(), b"list_changed")?;
        match Message::parse(frame.data().clone()) {
            Ok(Message::Request(request)) => Self::of(&request),
            Ok(Message::Response(_)) | Err(_) => None,
        }
    }

    fn of(notification: &Request) -> Option<Self> {
        let method = notification.method().as_str();
        Self::ALL.into_iter().find(|one| one.method() == method)
    }

    pub(super) fn of_list(kind: ItemKind) -> Option<Self> {
        match kind {
            ItemKind::Tool => Some(Self::Tools),
            ItemKind::Prompt => Some(Self::Prompts),
            ItemKind::Resource | ItemKind::Template => Some(Self::Resources),
            _ => None,
        }
    }

    /// The notification, as the gateway says it.
    pub(crate) fn notification(self) -> Frame {
        let method = self.method();
        Frame::new(format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#))
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Tools => 0,
            Self::Prompts => 1,
            Self::Resources => 2,
        }
    }
}

/// How often each list changed: who listens misses none, and no storm makes it longer.
pub(crate) type Counts = [u64; 3];

/// Where changes are told.
#[derive(Debug, Default)]
pub(super) struct Told(watch::Sender<Counts>);

impl Told {
    pub(super) fn tell(&self, changes: &[Change]) {
        self.0.send_if_modified(|counts| {
            for change in changes {
                if let Some(count) = counts.get_mut(change.index()) {
                    *count = count.wrapping_add(1);
                }
            }
            !changes.is_empty()
        });
    }

    pub(super) fn listen(&self, interval: Duration) -> Changes {
        Changes {
            counts: self.0.subscribe(),
            interval,
        }
    }
}

/// The changes from now on.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    counts: watch::Receiver<Counts>,
    interval: Duration,
}

impl Changes {
    /// What a module says, and the changes that the gateway knows of, each kind at most once in an
    /// interval: the first at once, and after others the last.
    ///
    /// It ends with the frames, where there are some.
    pub(crate) fn among(self, frames: Option<Frames>) -> Frames {
        Frames::new(self.stream(frames))
    }

    fn stream(
        mut self,
        frames: Option<Frames>,
    ) -> impl futures_util::Stream<Item = Result<Frame, mcpo2_core::Error>> + Send {
        self.counts.mark_unchanged();
        let seen = *self.counts.borrow();
        let calm = Calm::new(self.interval);
        let frames = frames.unwrap_or_else(|| Frames::new(stream::pending()));
        let state = (Some((self.counts, seen)), calm, frames);
        stream::unfold(state, |(mut counts, mut calm, mut frames)| async move {
            loop {
                let due = calm.due();
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                        if let Some(frame) = calm.take() {
                            return Some((Ok(frame), (counts, calm, frames)));
                        }
                    }
                    changed = changed(&mut counts), if counts.is_some() => match changed {
                        Some(changes) => changes.into_iter().for_each(|change| {
                            calm.wait(change, change.notification());
                        }),
                        None => counts = None,
                    },
                    frame = frames.next() => match frame? {
                        Ok(frame) => match Change::told_by(&frame) {
                            Some(change) => calm.wait(change, frame),
                            None => return Some((Ok(frame), (counts, calm, frames))),
                        },
                        error => return Some((error, (counts, calm, frames))),
                    },
                }
            }
        })
    }
}

/// What a module says, where changes of lists come at most once in an interval.
pub(crate) fn calmed(frames: Frames, interval: Duration) -> Frames {
    let told = Arc::new(Told::default());
    told.listen(interval).among(Some(frames))
}

async fn changed(counts: &mut Option<(watch::Receiver<Counts>, Counts)>) -> Option<Vec<Change>> {
    let (counts, seen) = counts.as_mut()?;
    counts.changed().await.ok()?;
    let now = *counts.borrow_and_update();
    let differs = |change: &Change| now.get(change.index()) != seen.get(change.index());
    let changes = Change::ALL.into_iter().filter(differs).collect();
    *seen = now;
    Some(changes)
}

/// What waits to be told, and since when each may be.
#[derive(Debug)]
struct Calm {
    waiting: [Option<Frame>; 3],
    ready: [Option<Instant>; 3],
    interval: Duration,
}

impl Calm {
    fn new(interval: Duration) -> Self {
        Self {
            waiting: [const { None }; 3],
            ready: [None; 3],
            interval,
        }
    }

    fn wait(&mut self, change: Change, frame: Frame) {
        if let Some(waiting) = self.waiting.get_mut(change.index()) {
            *waiting = Some(frame);
        }
    }

    /// When the next may be told.
    fn due(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().zip(&self.ready);
        let waiting = waiting.filter(|(frame, _)| frame.is_some());
        waiting
            .map(|(_, ready)| ready.unwrap_or_else(Instant::now))
            .min()
    }

    fn take(&mut self) -> Option<Frame> {
        let now = Instant::now();
        let both = self.waiting.iter_mut().zip(&mut self.ready);
        for (waiting, ready) in both {
            if waiting.is_some() && ready.is_none_or(|ready| ready <= now) {
                *ready = now.checked_add(self.interval);
                return waiting.take();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn u07_a_storm_is_told_once_an_interval_and_its_end_is_not_lost() {
        let told = Told::default();
        let mut stream = told.listen(SECOND).among(None);
        assert!(stream.next().now_or_never().is_none());
        for _ in 0..10_000 {
            told.tell(&[Change::Tools]);
        }
        let first = stream.next().await.unwrap().unwrap();
        assert_eq!(Change::told_by(&first), Some(Change::Tools));
        let began = Instant::now();
        for _ in 0..10_000 {
            told.tell(&[Change::Tools]);
            assert!(stream.next().now_or_never().is_none());
        }
        stream.next().await.unwrap().unwrap();
        assert_eq!(began.elapsed(), SECOND);
        // No more was said, so there is no more to tell; and another list has its own turn.
        tokio::time::advance(10 * SECOND).await;
        assert!(stream.next().now_or_never().is_none());
        told.tell(&[Change::Prompts]);
        let prompts = stream.next().now_or_never().unwrap().unwrap().unwrap();
        assert_eq!(Change::told_by(&prompts), Some(Change::Prompts));
    }

    #[tokio::test(start_paused = true)]
    async fn u07_what_is_no_change_passes_at_once_and_to_the_byte() {
        let note = Frame::new(r#"{"jsonrpc":"2.0","method":"notifications/message"}"#);
        let said = note.clone();
        let storm = (0..1000).flat_map(move |n| {
            let note = said.clone().with_event_id(n.to_string());
            [Change::Tools.notification(), note].map(Ok)
        });
        let frames = Frames::new(stream::iter(storm).chain(stream::pending()));
        let mut calm = calmed(frames, SECOND);
        let (mut notes, mut changes) = (0, 0);
        while notes < 1000 {
            match calm.next().await.unwrap().unwrap() {
                frame if frame.data() == note.data() => {
                    assert_eq!(frame.event_id(), Some(notes.to_string().as_str()));
                    notes += 1;
                }
                _ => changes += 1,
            }
        }
        assert_eq!(changes, 1);
        calm.next().await.unwrap().unwrap();
    }
}
