//! The secret that keys the digests of contents, so that who reads two ledgers cannot tell that
//! the same content passed both, and nobody can test guesses without it.

use std::{fmt, io};

use mcpo2_core::Digest;
use zeroize::Zeroizing;

use crate::{Disk, Error, ErrorKind};

const FILE: &str = "secret";
const CONTENT: &str = "mcpo2 2026 audit content v1";

/// What a ledger digests contents with.
pub(crate) struct ContentKey([u8; 32]);

impl ContentKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(blake3::derive_key(CONTENT, secret))
    }

    /// A hasher of messages, each with its length before it.
    pub(crate) fn hasher(&self) -> Messages {
        Messages(blake3::Hasher::new_keyed(&self.0))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").finish_non_exhaustive()
    }
}

/// Reads the secret of the ledger, or makes one for a ledger that is new.
pub(crate) fn load(disk: &dyn Disk, new: bool) -> Result<Zeroizing<[u8; 32]>, Error> {
    let failed = |what: &'static str| {
        move |error: io::Error| {
            Error::new(ErrorKind::Io, format!("cannot {what} the secret")).with_source(error)
        }
    };
    match disk.read(FILE, 32) {
        Ok(bytes) => {
            let secret = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|error| {
                Error::new(ErrorKind::Damaged, "the secret is not 32 bytes").with_source(error)
            })?;
            Ok(Zeroizing::new(secret))
        }
        Err(error) if new && error.kind() == io::ErrorKind::NotFound => {
            let secret = Zeroizing::new(random()?);
            disk.replace(FILE, &*secret).map_err(failed("write"))?;
            Ok(secret)
        }
        Err(error) => Err(failed("read")(error)),
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
