use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::task::AtomicWaker;
use mcpo2_core::{Error, Frame};

use crate::future::BoxFuture;

/// How often at most a commit says how far it is.
const TIMES: u64 = 100;
/// And how much there is at least between two times.
const STEP: u64 = 1 << 20;

/// How far the commit of an upload is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitProgress {
    /// How many of its bytes are in the store.
    pub stored: u64,
    /// How many bytes were read of an archive, which is read more than once.
    pub read: u64,
    /// How many files were found in it.
    pub files: u64,
}

/// The same, as it changes. Whoever commits writes it, perhaps on another thread.
#[derive(Debug, Default)]
pub(in crate::library) struct Progress {
    stored: AtomicU64,
    read: AtomicU64,
    files: AtomicU64,
    given_up: AtomicBool,
    watcher: AtomicWaker,
}

impl Progress {
    pub(in crate::library) fn stored(&self, bytes: u64) {
        self.stored.store(bytes, Relaxed);
        self.watcher.wake();
    }

    #[cfg(feature = "archive")]
    pub(in crate::library) fn read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Relaxed);
        self.watcher.wake();
    }

    #[cfg(feature = "archive")]
    pub(in crate::library) fn files(&self, files: u64) {
        self.files.fetch_max(files, Relaxed);
    }

    /// Nobody waits for the commit any more.
    pub(in crate::library) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
    }

    #[cfg(feature = "archive")]
    pub(in crate::library) fn is_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }

    pub(in crate::library) fn now(&self) -> CommitProgress {
        CommitProgress {
            stored: self.stored.load(Relaxed),
            read: self.read.load(Relaxed),
            files: self.files.load(Relaxed),
        }
    }
}

/// The messages of a commit that says how far it is, and then what came of it. Dropping it gives the
/// commit up.
pub(super) struct Told {
    commit: Option<BoxFuture<Result<Bytes, Error>>>,
    progress: Arc<Progress>,
    /// JSON, as the client wrote it.
    token: Box<str>,
    size: u64,
    /// Whether there is nothing to do but to store it.
    is_all: bool,
    said: u64,
}

impl Told {
    pub(super) fn new(
        commit: BoxFuture<Result<Bytes, Error>>,
        progress: Arc<Progress>,
        token: &str,
        (size, is_all): (u64, bool),
    ) -> Self {
        Self {
            commit: Some(commit),
            progress,
            token: token.into(),
            size,
            is_all,
            said: 0,
        }
    }

    fn notification(&self, now: CommitProgress, handled: u64) -> Frame {
        let message = match now.files {
            0 => "storing".to_owned(),
            files => format!("reading: {files} files"),
        };
        let total = match self.is_all {
            true => format!(r#""total":{},"#, self.size),
            false => String::new(),
        };
        let token = &self.token;
        let rest = format!(r#""progress":{handled},{total}"message":"{message}""#);
        Frame::new(format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},{rest}}}}}"#
        ))
    }
}

impl Stream for Told {
    type Item = Result<Frame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(commit) = &mut this.commit else {
            return Poll::Ready(None);
        };
        this.progress.watcher.register(cx.waker());
        if let Poll::Ready(done) = commit.as_mut().poll(cx) {
            this.commit = None;
            return Poll::Ready(Some(done.map(Frame::new)));
        }
        let now = this.progress.now();
        let handled = now.stored.saturating_add(now.read);
        let step = (this.size / TIMES).max(STEP);
        if handled < this.said.saturating_add(step) {
            return Poll::Pending;
        }
        this.said = handled;
        Poll::Ready(Some(Ok(this.notification(now, handled))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, future::poll_fn};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_commit_says_how_far_it_is_never_less_and_no_more_often_than_it_moves() {
        let progress = Arc::new(Progress::default());
        let (size, mut bytes) = (1000 * STEP, 0);
        let work = Arc::clone(&progress);
        let commit = poll_fn(move |context| {
            bytes += STEP;
            work.stored(bytes);
            if bytes == size {
                return Poll::Ready(Ok(Bytes::from("done")));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        });
        let told = Told::new(Box::pin(commit), progress, "\"t\"", (size, true));
        let all: Vec<_> = crate::wait::wait(told.map(Result::unwrap).collect());
        let (last, notifications) = all.split_last().unwrap();
        assert_eq!(last.data(), "done");
        assert_eq!(notifications.len(), 99);
        let mut before = 0;
        for notification in notifications {
            let said: serde_json::Value = serde_json::from_slice(notification.data()).unwrap();
            let params = &said["params"];
            assert_eq!(params["progressToken"], "t");
            assert_eq!(
                (&params["total"], &params["message"]),
                (&json!(size), &json!("storing"))
            );
            let now = params["progress"].as_u64().unwrap();
            assert!(now > before);
            before = now;
        }
    }
}
