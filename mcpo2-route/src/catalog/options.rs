use std::{fmt, sync::Arc, time::Duration};

use mcpo2_core::ModuleId;

use super::{Catalog, News, PageLimits, changes::Told};
use crate::tasks::Tasks;

/// How a [`Catalog`](super::Catalog) keeps what it knows.
///
/// ```
/// use std::time::Duration;
/// use mcpo2_route::CatalogOptions;
///
/// let options = CatalogOptions::new()
///     .keep(Duration::from_secs(30))
///     .deadline(Duration::from_millis(500));
/// # let _ = options;
/// ```
#[derive(Clone)]
#[must_use]
pub struct CatalogOptions {
    pub(crate) keep: Duration,
    pub(crate) deadline: Duration,
    pub(crate) interval: Duration,
    pub(crate) pages: PageLimits,
    pub(super) told: Arc<Told>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) observer: Arc<Observer>,
}

type Observer = dyn Fn(&ModuleId, News<'_>) + Send + Sync;

impl CatalogOptions {
    /// Kept for a minute, waited for two seconds, told of once a second, and in pages of the usual
    /// size.
    pub fn new() -> Self {
        Self {
            keep: Duration::from_secs(60),
            deadline: Duration::from_secs(2),
            interval: Duration::from_secs(1),
            pages: PageLimits::default(),
            told: Arc::default(),
            tasks: Arc::new(Tasks::new()),
            observer: Arc::new(|_, _| {}),
        }
    }

    /// Reads a module again after this long, if it says nothing before.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Waits this long for a module that has not answered yet, and then does without it.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Reads a module that says that it changed at most once in this time, and tells a client of
    /// changes to one kind of list no more often.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Gives lists in pages of this size.
    pub fn pages(mut self, pages: PageLimits) -> Self {
        self.pages = pages;
        self
    }

    /// Takes the place of another catalog: who listened there goes on to listen
    /// here, and what was begun there is found here.
    pub fn after(mut self, before: &Catalog) -> Self {
        self.told = Arc::clone(&before.inner.options.told);
        self.tasks = Arc::clone(&before.inner.options.tasks);
        self
    }

    /// Is told what is new of a module, in turn with reading it: it must not wait.
    pub fn observer(
        mut self,
        observer: impl Fn(&ModuleId, News<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Arc::new(observer);
        self
    }
}

impl Default for CatalogOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CatalogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogOptions")
            .field("keep", &self.keep)
            .field("deadline", &self.deadline)
            .field("interval", &self.interval)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}
