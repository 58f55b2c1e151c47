//! Keys whose secrets the tests know.

use std::convert::Infallible;

use ed25519_dalek::{Signer as _, SigningKey};

use crate::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::cosign,
    key::VerifierKey,
    note::{Note, SignatureLine, assemble, sign_note},
};

/// A key and its secret.
pub(crate) struct Pair {
    pub(crate) key: VerifierKey,
    secret: SigningKey,
}

impl Pair {
    pub(crate) fn log(name: &str, seed: u8) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = secret.verifying_key();
        let key = VerifierKey::new(name.parse().unwrap(), public.as_bytes()).unwrap();
        Self { key, secret }
    }

    pub(crate) fn witness(name: &str, seed: u8) -> Self {
        let Self { secret, key } = Self::log(name, seed);
        let key = VerifierKey::cosigner(key.name().clone(), key.public()).unwrap();
        Self { key, secret }
    }

    pub(crate) fn sign(&self, text: &str) -> SignatureLine {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.secret.sign(message).to_bytes());
        sign_note(text, self.key.name(), self.key.id(), sign).unwrap()
    }

    pub(crate) fn cosign(&self, text: &str, time: u64) -> SignatureLine {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.secret.sign(message).to_bytes());
        cosign(text, time, self.key.name(), self.key.id(), sign).unwrap()
    }

    pub(crate) fn note(&self, text: &str) -> Note {
        Note::parse(assemble(text, &[self.sign(text)]).as_bytes()).unwrap()
    }

    pub(crate) fn checkpoint(&self, size: u64, root: [u8; 32]) -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(self.key.name(), size, root);
        SignedCheckpoint::new(&checkpoint, self.sign(&checkpoint.text())).unwrap()
    }
}
