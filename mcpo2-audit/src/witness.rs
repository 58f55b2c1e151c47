//! Witnesses: others who sign what a log says of itself, so that it cannot go back on it, nor say
//! something else to somebody else.
//!
//! Both sides of <https://c2sp.org/tlog-witness> are here, and neither of them does any I/O but a
//! [`Store`]: [`Witness`] answers bodies, [`Submission`] makes them and reads what is answered, and
//! [`Witnessing`] knows who signed what, and when.
//!
//! ```
//! use mcpo2_audit::witness::{Cosigner, MemoryStore, Progress, Submission, Witness};
//! use mcpo2_verify::{checkpoint::Checkpoint, empty_root};
//! # use mcpo2_verify::{checkpoint::SignedCheckpoint, key::VerifierKey, note::sign_note};
//! # use ed25519_dalek::{Signer as _, SigningKey};
//! # let secret = SigningKey::from_bytes(&[7; 32]);
//! # let name: mcpo2_verify::key::KeyName = "acme.example/mcpo2".parse()?;
//! # let log = VerifierKey::new(name.clone(), secret.verifying_key().as_bytes())?;
//! # let checkpoint = Checkpoint::new(log.name(), 0, empty_root());
//! # let sign = |message: &[u8]| Ok::<_, std::convert::Infallible>(secret.sign(message).to_bytes());
//! # let line = sign_note(&checkpoint.text(), &name, log.id(), sign)?;
//! # let signed = SignedCheckpoint::new(&checkpoint, line)?;
//! let cosigner = Cosigner::new("witness.example/w1".parse()?, &[8; 32])?;
//! let known = cosigner.key().clone();
//! let witness = Witness::new(cosigner, [log], MemoryStore::default())?;
//!
//! let now = 1_800_000_000;
//! let submission = Submission::new(&known, 0, signed)?;
//! let reply = witness.handle(submission.body(vec![]).as_bytes(), now);
//! let progress = submission.reply(Ok(reply), now)?;
//! assert!(matches!(progress, Progress::Cosigned(signed) if signed.time() == now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cosigner;
mod server;
mod standing;
mod store;
mod submission;

pub use cosigner::{Cosigner, SecretError};
pub use server::Witness;
pub use standing::{Standing, Witnessing};
pub use store::{DirectoryStore, MemoryStore, Store};
pub use submission::{Cosigned, Progress, Submission, SubmissionError};
