use std::path::{Path, PathBuf};

use mcpo2_audit::index::{Index, SqliteIndex};
use mcpo2_core::BoxError;

use super::index_file;
use crate::config;

/// Which index.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The index that this configuration names, in place of the one beside the ledger
    #[arg(long, value_name = "CONFIG")]
    index: Option<PathBuf>,
}

impl Which {
    /// The index of the ledger in this directory, whose name is `origin`.
    pub(super) fn open(&self, dir: &Path, origin: &str) -> Result<Box<dyn Index>, BoxError> {
        let named = match &self.index {
            Some(file) => {
                let config = config::load(file).map_err(|found| found.to_string())?;
                crate::index::named(&config.audit.index, origin)?
            }
            None => None,
        };
        Ok(match named {
            Some(index) => index,
            None => Box::new(SqliteIndex::open(index_file(dir), origin)?),
        })
    }
}
