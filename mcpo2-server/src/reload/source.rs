use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::config::{self, Config, Diagnostics};

/// Where the configuration comes from: a file, and what wins over it.
#[derive(Debug, Clone)]
pub struct Source {
    file: PathBuf,
    listen: Option<SocketAddr>,
    ledger: Option<PathBuf>,
}

impl Source {
    /// This file.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            listen: None,
            ledger: None,
        }
    }

    /// Listens there, whatever the file says.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Keeps the ledger there, whatever the file says.
    #[must_use]
    pub fn ledger(mut self, dir: impl Into<PathBuf>) -> Self {
        self.ledger = Some(dir.into());
        self
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn load(&self) -> Result<Config, Diagnostics> {
        let mut config = config::load(&self.file)?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(dir) = &self.ledger {
            config.audit.dir.clone_from(dir);
        }
        Ok(config)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}
