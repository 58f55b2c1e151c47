//! The secret that keys the digests of contents, so that who reads two ledgers cannot tell that
//! the same content passed both, and nobody can test guesses without it.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

use mcpo2_core::Digest;

use crate::{Error, ErrorKind, files};

const FILE: &str = "secret";
const CONTENT: &str = "mcpo2 2026 audit content v1";
const FINGERPRINT: &str = "mcpo2 2026 audit content key fingerprint v1";

/// What a ledger digests contents with.
pub(crate) struct ContentKey {
    key: [u8; 32],
    fingerprint: Digest,
}

impl ContentKey {
    fn new(secret: &[u8; 32]) -> Self {
        let fingerprint = Digest::from_bytes(blake3::derive_key(FINGERPRINT, secret));
        let key = blake3::derive_key(CONTENT, secret);
        Self { key, fingerprint }
    }

    /// Reads the secret of the ledger, or makes one for a ledger that is new.
    pub(crate) fn load(dir: &Path, new: bool) -> Result<Self, Error> {
        let path = dir.join(FILE);
        match read(&path) {
            Ok(secret) => Ok(Self::new(&secret)),
            Err(error) if new && error.kind() == io::ErrorKind::NotFound => {
                let secret = random()?;
                write(dir, &secret).map_err(Error::io("write", &path))?;
                Ok(Self::new(&secret))
            }
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    pub(crate) fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// A hasher of messages, each with its length before it.
    pub(crate) fn hasher(&self) -> Messages {
        Messages(blake3::Hasher::new_keyed(&self.key))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// The digest of messages, as they come.
#[derive(Debug)]
pub(crate) struct Messages(blake3::Hasher);

impl Messages {
    pub(crate) fn update(&mut self, message: &[u8]) -> &mut Self {
        let length = u64::try_from(message.len()).unwrap_or(u64::MAX);
        self.0.update(&length.to_le_bytes()).update(message);
        self
    }

    pub(crate) fn digest(&self) -> Digest {
        self.0.finalize().into()
    }
}

/// 32 bytes from the operating system.
pub(crate) fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Io, "the system gives no random bytes").with_source(error)
    })?;
    Ok(bytes)
}

fn read(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(io::Error::other("others than its owner may read it"));
    }
    let mut secret = [0; 32];
    file.read_exact(&mut secret)?;
    match file.read(&mut [0])? {
        0 => Ok(secret),
        _ => Err(io::Error::other("it is longer than 32 bytes")),
    }
}

/// Under another name first, so that a crash leaves a whole secret or none.
fn write(dir: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let new = dir.join("secret.new");
    let mut file = files::private().create(true).truncate(true).open(&new)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(&new, dir.join(FILE))?;
    files::sync_dir(dir)
}
