//! The configuration changes while the gateway serves.
//!
//! A file is read, checked and built beside what serves, and takes its place whole, or not at all.
//! A request keeps what it began with; the next one that begins gets the new.

mod fixed;
mod source;
mod watch;

use std::sync::Arc;

use mcpo2_audit::{Event, Note};
use mcpo2_core::Digest;
use serde_json::{Value, json};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    app::{BuildError, Generation, Generations, Lasting},
    config::{Config, Diagnostics},
};

pub use source::Source;
pub(crate) use watch::watch;

/// Gives a gateway that serves another configuration.
#[derive(Debug, Clone)]
pub struct Reloader {
    generations: Generations,
    lasting: Arc<Lasting>,
    source: Option<Arc<Source>>,
    /// One reload at a time, in the order in which they were asked for.
    turn: Arc<Mutex<()>>,
}

/// Who wants a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// SIGHUP.
    Signal,
    /// The file changed.
    File,
    /// `POST /admin/reload`.
    Admin,
    /// The program that embeds the gateway.
    Host,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The generation that serves from here on.
    pub generation: u64,
    /// The digest of the file.
    pub digest: Option<Digest>,
    /// What the file says otherwise than before and needs a restart: it is as it was.
    pub needs_restart: Vec<&'static str>,
}

/// Why a reload did nothing. What served serves on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The gateway was not started by a file.
    #[error("there is no file to read again")]
    NoFile,
    /// The file is wrong.
    #[error("{0}")]
    File(Diagnostics),
    /// It says what cannot be built, or not without a restart.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Trigger {
    /// Its name in metrics and in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::File => "file",
            Self::Admin => "admin",
            Self::Host => "host",
        }
    }
}

impl Reloader {
    pub(crate) fn new(generations: Generations, lasting: Arc<Lasting>) -> Self {
        Self {
            generations,
            lasting,
            source: None,
            turn: Arc::default(),
        }
    }

    pub(crate) fn reading(self, source: Source) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..self
        }
    }

    /// Reads the file again. When this returns, no request begins any more by what was before.
    ///
    /// # Errors
    ///
    /// [`ReloadError`] says why nothing changed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not stop a reload that has begun.
    pub async fn reload(&self, trigger: Trigger) -> Result<Reloaded, ReloadError> {
        let source = self.source.clone();
        let read = move || {
            source
                .ok_or(ReloadError::NoFile)?
                .load()
                .map_err(ReloadError::File)
        };
        self.run(trigger, read).await
    }

    /// Takes this configuration in place of the one that serves.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn apply(&self, config: Config) -> Result<Reloaded, ReloadError> {
        self.run(Trigger::Host, || Ok(config)).await
    }

    /// The number of the generation that serves now: 1 at the start, one more with each reload.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generations.now().number()
    }

    pub(crate) fn now(&self) -> Arc<Generation> {
        self.generations.now()
    }

    /// The file that it reads, if there is one.
    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_deref()
    }

    async fn run(
        &self,
        trigger: Trigger,
        read: impl FnOnce() -> Result<Config, ReloadError> + Send + 'static,
    ) -> Result<Reloaded, ReloadError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let this = self.clone();
        let run = spawn_blocking(move || {
            let outcome = read().and_then(|config| this.swap(config));
            this.tell(trigger, &outcome);
            drop(turn);
            outcome
        });
        run.await
            .unwrap_or_else(|panicked| Err(BuildError::because("reload")(panicked).into()))
    }

    fn swap(&self, mut config: Config) -> Result<Reloaded, ReloadError> {
        let before = self.generations.now();
        let needs_restart = fixed::keep(&mut config, before.config());
        fixed::still_knows_callers(&config).map_err(BuildError::because("listen"))?;
        let next = Generation::build(config, &self.lasting, Some(&before))?;
        let reloaded = Reloaded {
            generation: next.number(),
            digest: next.config().digest(),
            needs_restart,
        };
        self.generations.swap(next);
        if let Some(library) = &self.lasting.library {
            library.reload();
        }
        Ok(reloaded)
    }

    /// Says it in the log, the metrics and the ledger.
    fn tell(&self, trigger: Trigger, outcome: &Result<Reloaded, ReloadError>) {
        let trigger = trigger.as_str();
        let mut note = Note::new("config_reload").with("source", trigger);
        let result = match outcome {
            Ok(reloaded) => {
                let Reloaded {
                    generation,
                    digest,
                    needs_restart,
                } = reloaded;
                tracing::info!(
                    trigger,
                    generation,
                    ?needs_restart,
                    "the configuration changed"
                );
                note = note.with("generation", generation.to_string());
                if let Some(digest) = digest {
                    note = note.with("config", digest.to_string());
                }
                if !needs_restart.is_empty() {
                    note = note.with("needs_restart", needs_restart.join(", "));
                }
                "applied"
            }
            Err(error) => {
                tracing::error!(trigger, %error, "the configuration stays as it was");
                note = note.with("error", error.to_string());
                "rejected"
            }
        };
        let generation = self.generation();
        self.lasting.reloads.count(result, trigger, generation);
        if let Err(error) = self
            .lasting
            .ledger
            .append(Event::Admin(note.with("result", result)))
        {
            tracing::error!(%error, "not recorded");
        }
    }
}

impl Reloaded {
    /// For tools.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "result": "applied",
            "generation": self.generation,
            "config": self.digest,
            "needs_restart": self.needs_restart,
        })
    }
}

impl ReloadError {
    /// For tools: findings in the file with their lines and columns.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::File(found) => json!({ "result": "rejected", "found": found.to_json() }),
            other => json!({ "result": "rejected", "error": other.to_string() }),
        }
    }
}
