//! A log whose secret the tests know.

use std::{convert::Infallible, io};

use ed25519_dalek::{Signer as _, SigningKey};
use mcpo2_verify::{
    Frontier, Hash, Hashes,
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::VerifierKey,
    leaf_hash, node_hash,
    note::{Note, assemble, sign_note},
    prove_consistency,
};

pub(crate) const ORIGIN: &str = "acme.example/mcpo2/test";

/// Records by their texts.
pub(crate) struct Log {
    pub(crate) key: VerifierKey,
    secret: SigningKey,
    leaves: Vec<Hash>,
}

impl Log {
    pub(crate) fn new(origin: &str, seed: u8) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = secret.verifying_key();
        let key = VerifierKey::new(origin.parse().unwrap(), public.as_bytes()).unwrap();
        let leaves = (0..64_u8).map(|entry| leaf_hash(&[entry])).collect();
        Self {
            key,
            secret,
            leaves,
        }
    }

    /// Says something else from this record on.
    pub(crate) fn forked(mut self, at: usize) -> Self {
        self.leaves[at] = leaf_hash(b"fork");
        self
    }

    pub(crate) fn checkpoint(&self, size: usize) -> SignedCheckpoint {
        let mut frontier = Frontier::new();
        self.leaves[..size]
            .iter()
            .for_each(|leaf| frontier.push(*leaf));
        self.sign(&Checkpoint::new(
            self.key.name(),
            frontier.size(),
            frontier.root(),
        ))
    }

    pub(crate) fn sign(&self, checkpoint: &Checkpoint) -> SignedCheckpoint {
        self.note(&checkpoint.text()).try_into().unwrap()
    }

    pub(crate) fn note(&self, text: &str) -> Note {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.secret.sign(message).to_bytes());
        let line = sign_note(text, self.key.name(), self.key.id(), sign).unwrap();
        Note::parse(assemble(text, &[line]).as_bytes()).unwrap()
    }

    pub(crate) fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        prove_consistency(self, old, new).unwrap()
    }
}

impl Hashes for Log {
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash> {
        match level {
            0 => Ok(self.leaves[usize::try_from(index).unwrap()]),
            _ => Ok(node_hash(
                &self.hash(level - 1, index * 2)?,
                &self.hash(level - 1, index * 2 + 1)?,
            )),
        }
    }
}
