use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use mcpo2_verify::{note::Note, witness::origin_hash};
use rustix::fs::{FlockOperation, flock};

/// Where a witness keeps, for each log, the checkpoint that it signed last.
///
/// It is asked under one lock, so that it need not guard against itself; that no other witness
/// writes to the same place is its to see to.
pub trait Store: Send + Sync {
    /// The note that was saved last for the log of this origin, if any.
    ///
    /// # Errors
    ///
    /// If that cannot be told: an error is not the same as nothing.
    fn load(&self, origin: &str) -> io::Result<Option<Vec<u8>>>;

    /// Saves a note in the place of the one before, so that it is there after a loss of power.
    ///
    /// # Errors
    ///
    /// If it cannot be said that it is; either of the two may then be there.
    fn save(&self, origin: &str, note: &[u8]) -> io::Result<()>;

    /// Keeps a note of a log that said something else at the same size, which proves it. The first
    /// is enough.
    ///
    /// # Errors
    ///
    /// If it could not be kept.
    fn accuse(&self, origin: &str, note: &[u8]) -> io::Result<()>;
}

/// A directory with a file for each log, named by the hash of its origin, and one more for a log
/// that was caught.
///
/// It is locked as long as it is open.
#[derive(Debug)]
pub struct DirectoryStore {
    dir: PathBuf,
    _lock: File,
}

/// Nothing that outlives the process: for tests, and for no witness that is believed.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl DirectoryStore {
    /// Opens the directory, which is made for its owner only if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or is open elsewhere.
    pub fn open(dir: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = private().open(dir.join("LOCK"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            dir: dir.to_owned(),
            _lock: lock,
        })
    }

    fn path(&self, origin: &str, extension: &str) -> PathBuf {
        self.dir
            .join(format!("{}.{extension}", origin_hash(origin)))
    }

    /// Under another name first, so that a crash leaves a whole note: the new one or the old one.
    fn replace(&self, path: &Path, note: &[u8]) -> io::Result<()> {
        let new = path.with_extension("new");
        let mut file = private().truncate(true).open(&new)?;
        file.write_all(note)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(&self.dir)?.sync_all()
    }
}

impl Store for DirectoryStore {
    fn load(&self, origin: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(origin, "note")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let most = u64::try_from(Note::MAX_BYTES).unwrap_or(u64::MAX);
        let mut note = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut note)?;
        Ok(Some(note))
    }

    fn save(&self, origin: &str, note: &[u8]) -> io::Result<()> {
        self.replace(&self.path(origin, "note"), note)
    }

    fn accuse(&self, origin: &str, note: &[u8]) -> io::Result<()> {
        let path = self.path(origin, "fork");
        match path.try_exists()? {
            true => Ok(()),
            false => self.replace(&path, note),
        }
    }
}

impl Store for MemoryStore {
    fn load(&self, origin: &str) -> io::Result<Option<Vec<u8>>> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(notes.get(origin).cloned())
    }

    fn save(&self, origin: &str, note: &[u8]) -> io::Result<()> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(origin.to_owned(), note.to_owned());
        Ok(())
    }

    fn accuse(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn load(&self, origin: &str) -> io::Result<Option<Vec<u8>>> {
        S::load(self, origin)
    }

    fn save(&self, origin: &str, note: &[u8]) -> io::Result<()> {
        S::save(self, origin, note)
    }

    fn accuse(&self, origin: &str, note: &[u8]) -> io::Result<()> {
        S::accuse(self, origin, note)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}
