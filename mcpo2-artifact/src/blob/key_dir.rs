use std::{fs::File, io::Write as _, os::unix::fs::FileExt as _, path::Path, sync::Mutex};

use mcpo2_core::TenantId;

use super::{BlobError, BlobErrorKind, KeySource, TenantKeys, fs::Dir, keys};

/// Keeps one random secret for each tenant in a directory that only this user can read, so that one
/// can be destroyed without the others.
///
/// `master` tells spaces apart; `<space>.key` is a tenant's own. Copies of the directory, and what a
/// file system or a disk keeps of old files, are not reached by [`destroy`](KeySource::destroy). One
/// process at a time has the directory.
///
/// ```
/// use mcpo2_artifact::blob::{KeyDir, KeySource};
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// let keys = KeyDir::open(dir)?;
/// let acme = "acme".parse()?;
/// let space = keys.keys(&acme)?.space();
/// keys.destroy(&acme)?;
/// assert_eq!(keys.keys(&acme)?.space(), space);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeyDir {
    dir: Dir,
    master: [u8; 32],
    seals: bool,
    /// One at a time makes or destroys a key.
    turn: Mutex<()>,
    /// Locked as long as it is open.
    _lock: File,
}

impl KeyDir {
    /// The keys in this directory, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// [`Locked`](BlobErrorKind::Locked) where another has it, [`Keys`](BlobErrorKind::Keys) where
    /// there is no randomness or a file is no key, and [`Io`](BlobErrorKind::Io).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BlobError> {
        let dir = Dir::open_root(path.as_ref())?;
        let lock = dir.lock("lock")?;
        for name in dir.names()? {
            if name.ends_with(".new") {
                dir.remove(&name)?;
            }
        }
        let master = secret(&dir, "master")?;
        Ok(Self {
            dir,
            master,
            seals: false,
            turn: Mutex::new(()),
            _lock: lock,
        })
    }

    /// The same, but blobs are sealed. What was put before is not found any more.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn sealing(mut self) -> Self {
        self.seals = true;
        self
    }
}

impl KeySource for KeyDir {
    fn keys(&self, tenant: &TenantId) -> Result<TenantKeys, BlobError> {
        let _turn = self.turn.lock();
        let space = keys::space(&self.master, tenant);
        let secret = secret(&self.dir, &format!("{space}.key"))?;
        #[cfg(feature = "encrypt")]
        if self.seals {
            return Ok(TenantKeys::sealed(space, &secret));
        }
        let _ = self.seals;
        Ok(TenantKeys::new(space, &secret))
    }

    /// Overwrites the key and takes it away. The tenant gets another when it is next asked for.
    fn destroy(&self, tenant: &TenantId) -> Result<(), BlobError> {
        let _turn = self.turn.lock();
        let name = format!("{}.key", keys::space(&self.master, tenant));
        if let Some(file) = self.dir.overwrite(&name)? {
            file.write_all_at(&[0; 32], 0)?;
            file.sync_all()?;
        }
        self.dir.remove(&name)?;
        self.dir.sync()
    }
}

/// The secret in this file; a new one where there is none.
fn secret(dir: &Dir, name: &str) -> Result<[u8; 32], BlobError> {
    if let Some(file) = dir.file(name)? {
        let mut bytes = [0; 32];
        let whole = file.metadata()?.len() == 32 && file.read_exact_at(&mut bytes, 0).is_ok();
        if !whole {
            return Err(BlobErrorKind::Keys.into());
        }
        if bytes != [0; 32] {
            return Ok(bytes);
        }
        // It was being destroyed.
        dir.remove(name)?;
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| BlobError::new(BlobErrorKind::Keys).with_source(error))?;
    let new = format!("{name}.new");
    dir.remove(&new)?;
    let mut file = dir.create(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    dir.link(&new, dir, name)?;
    dir.sync()?;
    dir.remove(&new)?;
    Ok(bytes)
}
