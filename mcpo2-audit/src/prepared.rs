use mcpo2_verify::Kind;

use crate::commit::Notice;

/// A record as it goes to the writer: all but its place is settled.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) kind: Kind,
    /// The tag of its tenant; zero where it has none.
    pub(crate) tenant: [u8; 32],
    /// Its body, as it is hashed and written.
    pub(crate) body: Vec<u8>,
    /// Its personal values, sealed; empty where it has none.
    pub(crate) vault: Vec<u8>,
    /// Who waits for it.
    pub(crate) notice: Option<Notice>,
}

impl Prepared {
    pub(crate) fn bytes(&self) -> usize {
        self.body.len() + self.vault.len() + 256
    }
}
