use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use mcpo2_core::BoxError;

use crate::{Error, ErrorKind};

/// Signs checkpoints, with Ed25519.
///
/// What a ledger makes for itself is a [`KeySigner`] of a file beside it, with a new key for each
/// epoch. A signer of a host's own may ask a device or another process; then keys are changed
/// there, and the ledger does not rotate.
pub trait Signer: fmt::Debug + Send + Sync + 'static {
    /// The public key.
    fn public_key(&self) -> [u8; 32];

    /// The signature of this message. It is asked for once a group, on the thread that writes,
    /// and may block.
    ///
    /// # Errors
    ///
    /// Where it cannot sign; then the ledger writes nothing more.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], BoxError>;
}

/// A key in memory, which is wiped when it is dropped.
pub struct KeySigner(SigningKey);

impl KeySigner {
    /// The key of this seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// A new key, and its seed.
    ///
    /// # Errors
    ///
    /// Where the system gives no random bytes.
    pub fn generate() -> Result<(Self, [u8; 32]), Error> {
        let seed = crate::secret::random()?;
        Ok((Self::from_seed(&seed), seed))
    }
}

impl Signer for KeySigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], BoxError> {
        Ok(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for KeySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySigner").finish_non_exhaustive()
    }
}

/// What became of asking a signer, as an error of the ledger.
pub(crate) fn refused(error: BoxError) -> Error {
    Error::new(ErrorKind::Io, "the signer does not sign").with_source(error)
}
