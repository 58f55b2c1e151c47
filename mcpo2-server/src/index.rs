//! The index in which the ledger is searched, where it is not the file beside it.

use mcpo2_audit::{
    Config, IndexConfig, Ledger, LedgerFeed,
    index::{Index, Indexer},
};
use mcpo2_core::BoxError;

use crate::telemetry::Metrics;

/// What keeps an index up to date while the gateway runs. Nothing waits for it, its end included:
/// what is not in the index then, it takes up at the next start.
#[derive(Debug)]
pub(crate) struct LiveIndex(Option<Indexer>);

impl LiveIndex {
    /// Begins, where the configuration names such an index. It need not answer yet.
    pub(crate) fn start(ledger: &Ledger, config: &Config) -> Result<Option<Self>, BoxError> {
        let Some(index) = named(&config.index, ledger.origin())? else {
            return Ok(None);
        };
        let feed = LedgerFeed::open(&config.dir)?.with_writer(ledger.clone());
        Ok(Some(Self(Some(Indexer::spawn(index, feed)?))))
    }

    /// Shows how far it is among the metrics.
    pub(crate) fn watch(&self, metrics: &mut Metrics) {
        let Some(behind) = self.0.as_ref().map(Indexer::observer) else {
            return;
        };
        let failures = behind.clone();
        metrics.watch(
            "mcpo2_audit_index_behind",
            "Records that are not in the index yet",
            move || {
                let behind = behind.status().behind().unwrap_or(0);
                behind.try_into().unwrap_or(i64::MAX)
            },
        );
        metrics.watch(
            "mcpo2_audit_index_failures",
            "How often the index has failed since it last did not",
            move || failures.status().failures.into(),
        );
    }
}

impl Drop for LiveIndex {
    fn drop(&mut self) {
        if let Some(indexer) = self.0.take() {
            indexer.leave();
        }
    }
}

/// The index of the ledger of this origin that is configured; none where it is the file beside
/// the ledger. It connects when it is first used.
///
/// # Errors
///
/// Where there can be none: what is configured is wrong, or not in this build.
pub(crate) fn named(
    config: &IndexConfig,
    ledger: &str,
) -> Result<Option<Box<dyn Index>>, BoxError> {
    match config {
        IndexConfig::Sqlite => Ok(None),
        IndexConfig::Postgres(config) => postgres(config, ledger).map(Some),
        _ => Err("this index is not known to this program".into()),
    }
}

#[cfg(feature = "postgres")]
fn postgres(
    config: &mcpo2_audit::PostgresConfig,
    ledger: &str,
) -> Result<Box<dyn Index>, BoxError> {
    let options = config.compile(ledger)?;
    Ok(Box::new(mcpo2_audit::index::PostgresIndex::new(options)))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &mcpo2_audit::PostgresConfig, _: &str) -> Result<Box<dyn Index>, BoxError> {
    Err("this program is built without the feature `postgres`".into())
}
