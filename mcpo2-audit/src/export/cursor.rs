use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How far an export has come, in a file that a crash leaves old or new and never torn.
#[derive(Debug)]
pub struct CursorFile {
    path: PathBuf,
    held: Held,
}

/// Why a cursor cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The file system refuses it.
    #[error("the cursor cannot be kept in {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is none that an export has written.
    #[error("{} holds no cursor", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It counts the records of another ledger.
    #[error("the cursor is that of the ledger `{origin}`")]
    OtherLedger {
        /// The name of that ledger.
        origin: Box<str>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held {
    origin: Box<str>,
    seq: Option<u64>,
}

impl CursorFile {
    /// The cursor in this file, or one before the first record where there is none.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is of another ledger than that of this origin.
    pub fn open(path: impl Into<PathBuf>, origin: &str) -> Result<Self, CursorError> {
        let path = path.into();
        let held: Held = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|source| {
                let path = path.clone();
                CursorError::Unreadable { path, source }
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Held {
                origin: origin.into(),
                seq: None,
            },
            Err(source) => return Err(CursorError::Io { path, source }),
        };
        if &*held.origin != origin {
            let origin = held.origin;
            return Err(CursorError::OtherLedger { origin });
        }
        Ok(Self { path, held })
    }

    /// The number of the last record that was sent.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.held.seq
    }

    /// Writes down that all records up to this one were sent.
    ///
    /// # Errors
    ///
    /// Where the file system refuses it; then it stays what it was.
    pub fn advance(&mut self, seq: u64) -> Result<(), CursorError> {
        let held = Held {
            seq: Some(seq),
            ..self.held.clone()
        };
        self.write(&held).map_err(|source| CursorError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.held = held;
        Ok(())
    }

    fn write(&self, held: &Held) -> io::Result<()> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(&serde_json::to_vec(held)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        File::open(dir.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}
