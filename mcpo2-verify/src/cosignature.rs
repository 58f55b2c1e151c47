//! What a witness signs: a checkpoint and the time, as <https://c2sp.org/tlog-cosignature>.
//!
//! Only those with Ed25519 are known here. Those with ML-DSA-44 are passed over, as signatures by
//! keys that nobody knows.

use crate::{
    key::{Algorithm, KeyId, KeyName, VerifierKey},
    note::SignatureLine,
};

/// A time and a signature over it and a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    time: u64,
    signature: [u8; 64],
}

/// What a witness signs who saw, at this time, a checkpoint with this text.
#[must_use]
pub fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Signs the text of a checkpoint as a witness does: the closure is given what to sign, and returns
/// an Ed25519 signature. The id is that of the key as a cosigner.
///
/// # Errors
///
/// What the closure returns.
pub fn cosign<E>(
    text: &str,
    time: u64,
    name: &KeyName,
    id: KeyId,
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>,
) -> Result<SignatureLine, E> {
    let signature = sign(message(time, text).as_bytes())?;
    let cosignature = Cosignature { time, signature };
    Ok(SignatureLine::new(
        name.clone(),
        id,
        &cosignature.to_bytes(),
    ))
}

impl Cosignature {
    /// How many bytes it has in a signature line.
    pub const BYTES: usize = 72;

    /// The latest time that one can have.
    pub const MAX_TIME: u64 = u64::MAX / 2;

    /// Reads what stands behind the id of the key; nothing if it is of another length or the time
    /// is past [`Cosignature::MAX_TIME`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, signature) = bytes.split_first_chunk()?;
        let (time, signature) = (u64::from_be_bytes(*time), signature.try_into().ok()?);
        (time <= Self::MAX_TIME).then_some(Self { time, signature })
    }

    /// What stands behind the id of the key.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.time.to_be_bytes(), self.signature.as_slice()].concat()
    }

    /// When it was signed, in seconds since 1970, as the witness says.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Whether this key, which is one of a witness, signed this text at this time.
    #[must_use]
    pub fn verify(&self, text: &str, key: &VerifierKey) -> bool {
        key.algorithm() == Algorithm::Cosignature
            && key.signed(message(self.time, text).as_bytes(), &self.signature)
    }
}
