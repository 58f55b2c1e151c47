use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tracing::{Event, Level, Subscriber, callsite::Identifier};
use tracing_subscriber::layer::{Context, Layer};

/// Lets no place in the program fill the log: of the same line, so many in so much time.
///
/// Who turns on `debug` or `trace` wants to see it all, so those are not counted.
#[derive(Debug, Default)]
pub(super) struct Sparing(Mutex<HashMap<Identifier, Window>>);

/// What was written by one place, in a time that began then.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    lines: u32,
}

const LINES: u32 = 100;
const TIME: Duration = Duration::from_secs(10);

/// Lines of this process that were not written.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// How many lines were not written, since there were too many like them.
pub(super) fn left_out() -> u64 {
    LEFT_OUT.load(Relaxed)
}

impl Sparing {
    fn admits(&self, place: Identifier, now: Instant) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(place).or_insert(Window {
            began: now,
            lines: 0,
        });
        if now.saturating_duration_since(window.began) >= TIME {
            *window = Window {
                began: now,
                lines: 0,
            };
        }
        window.lines = window.lines.saturating_add(1);
        window.lines <= LINES
    }
}

impl<S: Subscriber> Layer<S> for Sparing {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || self.admits(metadata.callsite(), Instant::now()) {
            return true;
        }
        LEFT_OUT.fetch_add(1, Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, atomic::AtomicUsize},
    };

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<AtomicUsize>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(1, Relaxed);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn o07_one_place_cannot_fill_the_log_and_the_others_go_on() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish()
            .with(Sparing::default());
        let before = left_out();
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..1000 {
                tracing::warn!(n, "a module does it again");
            }
            tracing::error!("something else");
            for n in 0..150 {
                tracing::debug!(n, "asked for");
            }
        });
        assert_eq!(lines.0.load(Relaxed), 100 + 1 + 150);
        assert!(left_out() - before >= 900);
    }

    #[test]
    fn after_a_while_there_are_lines_again() {
        let sparing = Sparing::default();
        let place = || tracing::callsite::Identifier(&PLACE);
        let now = Instant::now();
        let written = |now| (0..500).filter(|_| sparing.admits(place(), now)).count();
        assert_eq!(written(now), 100);
        assert_eq!(written(now + TIME / 2), 0);
        assert_eq!(written(now + TIME), 100);
    }

    struct Place;

    static PLACE: Place = Place;

    impl tracing::Callsite for Place {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}

        fn metadata(&self) -> &tracing::Metadata<'_> {
            panic!("nobody asks")
        }
    }
}
