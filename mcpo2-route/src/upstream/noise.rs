use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a module says that nobody can take, and that is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Noise {
    /// What is no message.
    NoMessage,
    /// An answer to no request that waits for one: it is another's, comes again, or too late.
    Answer,
    /// Progress of no request under way, or that goes back.
    Progress,
    /// A request on a link that has no client to ask.
    Question,
}

impl Noise {
    /// All kinds of it.
    pub const ALL: [Self; 4] = [
        Self::NoMessage,
        Self::Answer,
        Self::Progress,
        Self::Question,
    ];

    /// Its name, for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoMessage => "no_message",
            Self::Answer => "answer",
            Self::Progress => "progress",
            Self::Question => "question",
        }
    }
}

/// Counts the noise of one module, on all its links.
#[derive(Debug, Default)]
pub struct NoiseCounter {
    no_messages: AtomicU64,
    answers: AtomicU64,
    progress: AtomicU64,
    questions: AtomicU64,
}

impl NoiseCounter {
    /// Counts one more.
    pub fn heard(&self, noise: Noise) {
        self.counter(noise).fetch_add(1, Relaxed);
    }

    /// How much there was of each kind.
    #[must_use]
    pub fn counts(&self) -> Vec<(Noise, u64)> {
        let count = |kind| (kind, self.counter(kind).load(Relaxed));
        Noise::ALL.map(count).to_vec()
    }

    fn counter(&self, noise: Noise) -> &AtomicU64 {
        match noise {
            Noise::NoMessage => &self.no_messages,
            Noise::Answer => &self.answers,
            Noise::Progress => &self.progress,
            Noise::Question => &self.questions,
        }
    }
}
