use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use mcpo2_verify::note::Note;

/// Where a witness keeps what it must not forget, each thing by a name of letters, digits, `.` and
/// `-`.
///
/// It is asked under one lock, so that it need not guard against itself; that no other witness
/// writes to the same place is its to see to.
pub trait Store: Send + Sync {
    /// What was saved last by this name, if anything.
    ///
    /// # Errors
    ///
    /// If that cannot be told: an error is not the same as nothing.
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Saves bytes in the place of those before, so that they are there after a loss of power.
    ///
    /// # Errors
    ///
    /// If it cannot be said that they are; either of the two may then be there.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// A directory with a file for each name, locked as long as it is open.
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
        crate::disk::lock(&lock)?;
        Ok(Self {
            dir: dir.to_owned(),
            _lock: lock,
        })
    }
}

impl Store for DirectoryStore {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.dir.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let most = u64::try_from(Note::MAX_BYTES).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Under another name first, so that a crash leaves the whole of the new or of the old.
    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.dir.join(format!("{name}.new"));
        let mut file = private().truncate(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.dir.join(name))?;
        File::open(&self.dir)?.sync_all()
    }
}

impl Store for MemoryStore {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(name).cloned())
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name.to_owned(), bytes.to_owned());
        Ok(())
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        S::load(self, name)
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        S::save(self, name, bytes)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}
