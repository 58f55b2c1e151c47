//! The keys that seal what clients carry for the gateway.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use mcpo2_core::BoxError;
use mcpo2_seal::{KeyRing, Secret};

use crate::config::Config;

/// The keys of a gateway, and whether what they seal still opens after a restart.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    ring: Arc<KeyRing>,
    lasting: bool,
}

impl Keys {
    /// The keys that the configuration names, or else those of the file beside the ledger, which
    /// is made where it is missing. Where it cannot be made, sessions end with the process, and
    /// those of `before` go on.
    pub(crate) fn of(config: &Config, before: Option<&Self>) -> Result<Self, BoxError> {
        let named = &config.http.sessions.keys;
        let keys: Result<Vec<Secret>, _> = named.iter().map(|key| key.expose().parse()).collect();
        let mut keys = keys?.into_iter();
        if let Some(first) = keys.next() {
            return Ok(Self::lasting(first, keys));
        }
        let path = beside(&config.audit.dir);
        match kept(&path) {
            Ok(secret) => Ok(Self::lasting(secret, [])),
            Err(error) if is_unwritable(&error) => {
                tracing::warn!(path = %path.display(), %error, "no key can be kept, sessions end with this process");
                let before = before.filter(|before| !before.lasting).cloned();
                before.map_or_else(Self::ephemeral, Ok)
            }
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        }
    }

    pub(crate) fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// Whether what they seal still opens after a restart, or at another replica.
    pub(crate) fn is_lasting(&self) -> bool {
        self.lasting
    }

    fn lasting(first: Secret, older: impl IntoIterator<Item = Secret>) -> Self {
        Self {
            ring: Arc::new(KeyRing::new(first, older)),
            lasting: true,
        }
    }

    fn ephemeral() -> Result<Self, BoxError> {
        Ok(Self {
            ring: Arc::new(KeyRing::ephemeral()?),
            lasting: false,
        })
    }
}

/// Beside the ledger and not in it: who gets a ledger to verify gets no key.
fn beside(ledger: &Path) -> PathBuf {
    let mut name = ledger.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    ledger.with_file_name(name)
}

/// The key in this file, made where there is none.
pub(crate) fn kept(path: &Path) -> io::Result<Secret> {
    match File::open(path) {
        Ok(file) => read(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

fn read(file: File) -> io::Result<Secret> {
    const LONGEST: u64 = 1024;
    let mode = file.metadata()?.mode();
    if mode & 0o077 != 0 {
        let text = "others than its owner may read or write this key: chmod 600";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text)?;
    let secret = text.parse();
    secret.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a key that is never there in part. Who was faster wins.
fn make(path: &Path) -> io::Result<Secret> {
    let secret = Secret::random().map_err(io::Error::other)?;
    let part = path.with_extension(format!("key.{}", std::process::id()));
    let written = write(&part, &secret).and_then(|()| fs::hard_link(&part, path));
    // What remains of a failure is no key that anybody uses.
    let _ = fs::remove_file(&part);
    match written {
        Ok(()) => {
            if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
                File::open(dir)?.sync_all()?;
            }
            Ok(secret)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(File::open(path)?),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(secret.to_base64().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, time::SystemTime};

    use super::*;

    fn of(dir: &Path, keys: &[&str]) -> Result<Keys, BoxError> {
        let mut config = Config::default();
        config.audit.dir = dir.join("ledger");
        config.http.sessions.keys = keys
            .iter()
            .map(|key| crate::config::Secret::new(*key))
            .collect();
        Keys::of(&config, None)
    }

    fn token(keys: &Keys) -> String {
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        keys.ring().seal("test", &[], later, b"x").unwrap()
    }

    fn opens(keys: &Keys, token: &str) -> bool {
        let opened = keys.ring().open("test", &[], SystemTime::now(), token);
        opened.is_ok()
    }

    #[test]
    fn a_key_that_nobody_named_is_kept_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = of(dir.path(), &[]).unwrap();
        let path = dir.path().join("ledger.key");
        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(first.is_lasting());
        assert!(opens(&of(dir.path(), &[]).unwrap(), &token(&first)));
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 1, "nothing but the key is there");

        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = of(dir.path(), &[]).unwrap_err().to_string();
            assert!(refused.contains("ledger.key: others"), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        of(dir.path(), &[]).unwrap_err();
    }

    #[test]
    fn keys_that_are_named_rotate_and_no_file_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let new = || Secret::random().unwrap().to_base64().to_string();
        let (old, fresh) = (new(), new());
        let before = of(dir.path(), &[&old]).unwrap();
        let both = of(dir.path(), &[&fresh, &old]).unwrap();
        let after = of(dir.path(), &[&fresh]).unwrap();
        assert!(opens(&both, &token(&before)));
        assert!(opens(&after, &token(&both)));
        assert!(!opens(&after, &token(&before)));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
