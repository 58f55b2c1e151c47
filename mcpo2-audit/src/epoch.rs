//! Who signs checkpoints, and who did before.

use std::{fmt, io, sync::Arc};

use mcpo2_verify::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::{KeyName, VerifierKey},
    note::{Note, assemble, sign_note},
    rotation::{Epochs, Rotation},
};
use zeroize::Zeroizing;

use crate::{Disk, Error, ErrorKind, KeySigner, RecordId, Signer, signer::refused};

const ORIGIN: &str = "origin";
const MAX_ORIGIN: u64 = 4096;
const MAX_NOTE: u64 = 64 * 1024;

/// The key that signs now, and how it came to.
pub(crate) struct Epoch {
    epochs: Epochs,
    signer: Arc<dyn Signer>,
    /// When its key was made, in seconds since 1970; none for a signer of the host's.
    since: Option<u64>,
}

impl Epoch {
    /// The name of the log and its keys, where the ledger is not new.
    pub(crate) fn load(
        disk: &dyn Disk,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Option<Self>, Error> {
        let Some(epochs) = epochs(disk)? else {
            return Ok(None);
        };
        let number = count(&epochs);
        let (signer, since) = match signer {
            Some(signer) => (signer, None),
            None => read_key(disk, number)?,
        };
        let epoch = Self {
            epochs,
            signer,
            since,
        };
        match epoch.epochs.newest().public() == &epoch.signer.public_key() {
            true => Ok(Some(epoch)),
            false => Err(damaged("the key that signs is not the one of this ledger")),
        }
    }

    /// Begins a ledger: names it, and makes its first key where the host has none.
    pub(crate) fn begin(
        disk: &dyn Disk,
        (origin, id): (Option<&str>, RecordId),
        signer: Option<Arc<dyn Signer>>,
        now: u64,
    ) -> Result<Self, Error> {
        let origin = origin.map_or_else(|| format!("mcpo2/{id}"), str::to_owned);
        let name: KeyName = origin.parse().map_err(bad_name)?;
        let (signer, since) = match signer {
            Some(signer) => (signer, None),
            None => (make_key(disk, 0, now)?, Some(now)),
        };
        let key = VerifierKey::new(name, &signer.public_key()).map_err(bad_name)?;
        let text = format!("{origin}\n{key}\n");
        let written = disk.replace(ORIGIN, text.as_bytes());
        written.map_err(failed("write the name of the ledger"))?;
        Ok(Self {
            epochs: Epochs::new(key),
            signer,
            since,
        })
    }

    pub(crate) fn origin(&self) -> &KeyName {
        self.epochs.origin()
    }

    pub(crate) fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The number of the epoch, from 0.
    pub(crate) fn number(&self) -> u64 {
        count(&self.epochs)
    }

    /// When its key was made, in seconds since 1970.
    pub(crate) fn since(&self) -> Option<u64> {
        self.since
    }

    /// A checkpoint as a note.
    pub(crate) fn sign(&self, size: u64, root: [u8; 32]) -> Result<String, Error> {
        let text = Checkpoint::new(self.origin(), size, root).text();
        self.note(&text)
    }

    fn note(&self, text: &str) -> Result<String, Error> {
        let key = self.epochs.newest();
        let line = sign_note(text, key.name(), key.id(), |message| {
            self.signer.sign(message)
        });
        Ok(assemble(text, &[line.map_err(refused)?]))
    }

    /// Whether this note is a checkpoint of this log, signed by who signs that size.
    pub(crate) fn knows(&self, note: &[u8]) -> Option<(u64, [u8; 32])> {
        let signed = SignedCheckpoint::parse(note).ok()?;
        let key = self.epochs.key(signed.checkpoint().size());
        let checkpoint = signed.verify(key).ok()?;
        Some((checkpoint.size(), *checkpoint.root()))
    }

    /// Makes the key of the next epoch, which does not sign yet.
    pub(crate) fn next_key(&self, disk: &dyn Disk, now: u64) -> Result<Next, Error> {
        let number = self.number().saturating_add(1);
        let signer = make_key(disk, number, now)?;
        Next::new(self, number, signer, now)
    }

    /// The key of the next epoch, where it was made and may already be named in the ledger.
    pub(crate) fn prepared_key(&self, disk: &dyn Disk) -> Result<Option<Next>, Error> {
        let number = self.number().saturating_add(1);
        let there = disk.open(&key_file(number));
        match there {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read the next key")(error)),
            Ok(_) => {
                let (signer, since) = read_key(disk, number)?;
                Next::new(self, number, signer, since.unwrap_or_default()).map(Some)
            }
        }
    }

    /// Ends this epoch, once the record that names the next one is safe, as the last of a tree of
    /// this size: the key of this one is destroyed.
    pub(crate) fn change(&mut self, disk: &dyn Disk, size: u64, next: Next) -> Result<(), Error> {
        let rotation = Rotation::new(next.number, size, next.key).map_err(bad_name)?;
        let note = self.note(&rotation.text())?;
        let name = note_file(next.number);
        let written = disk.replace(&name, note.as_bytes());
        written.map_err(failed("write the rotation note"))?;
        let parsed = Note::parse(note.as_bytes()).map_err(bad_name)?;
        self.epochs.rotate(&parsed).map_err(bad_name)?;
        self.signer = next.signer;
        self.since = Some(next.since);
        destroy(disk, next.number.saturating_sub(1)).map_err(failed("destroy the old key"))
    }

    /// Destroys keys that sign no more, or never did, and that a crash left.
    pub(crate) fn tidy(&self, disk: &dyn Disk) -> Result<(), Error> {
        let number = self.number();
        let others = [number.checked_sub(1), number.checked_add(1)];
        for other in others.into_iter().flatten() {
            destroy(disk, other).map_err(failed("destroy an old key"))?;
        }
        Ok(())
    }
}

/// The key of an epoch to come.
pub(crate) struct Next {
    number: u64,
    signer: Arc<dyn Signer>,
    key: VerifierKey,
    since: u64,
}

impl Next {
    fn new(epoch: &Epoch, number: u64, signer: Arc<dyn Signer>, since: u64) -> Result<Self, Error> {
        let key = VerifierKey::new(epoch.origin().clone(), &signer.public_key());
        Ok(Self {
            number,
            signer,
            key: key.map_err(bad_name)?,
            since,
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Its verifier key, as text.
    pub(crate) fn key(&self) -> String {
        self.key.to_string()
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoch")
            .field("key", &self.epochs.newest().to_string())
            .finish_non_exhaustive()
    }
}

/// The keys of a ledger, from its first and the notes that name the others.
fn epochs(disk: &dyn Disk) -> Result<Option<Epochs>, Error> {
    let text = match disk.read(ORIGIN, MAX_ORIGIN) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read the name of the ledger")(error)),
    };
    let text = String::from_utf8_lossy(&text);
    let genesis = text.lines().nth(1).and_then(|key| key.parse().ok());
    let genesis: VerifierKey = genesis.ok_or_else(|| damaged("the file `origin` names no key"))?;
    let mut epochs = Epochs::new(genesis);
    for number in 1.. {
        let note = match disk.read(&note_file(number), MAX_NOTE) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(failed("read a rotation note")(error)),
        };
        let note = Note::parse(&note).map_err(bad_name)?;
        epochs.rotate(&note).map_err(bad_name)?;
    }
    Ok(Some(epochs))
}

fn count(epochs: &Epochs) -> u64 {
    u64::try_from(epochs.rotations().len()).unwrap_or(u64::MAX)
}

fn make_key(disk: &dyn Disk, number: u64, now: u64) -> Result<Arc<dyn Signer>, Error> {
    let (signer, seed) = KeySigner::generate()?;
    let seed = Zeroizing::new(seed);
    let mut bytes = Zeroizing::new(seed.to_vec());
    bytes.extend(now.to_le_bytes());
    let written = disk.replace(&key_file(number), &bytes);
    written.map_err(failed("write a key"))?;
    Ok(Arc::new(signer))
}

fn read_key(disk: &dyn Disk, number: u64) -> Result<(Arc<dyn Signer>, Option<u64>), Error> {
    let bytes = disk.read(&key_file(number), 40);
    let bytes = Zeroizing::new(bytes.map_err(failed("read the key that signs"))?);
    let parts = bytes.split_first_chunk::<32>();
    let parts = parts.and_then(|(seed, since)| Some((seed, since.try_into().ok()?)));
    let (seed, since) = parts.ok_or_else(|| damaged("the key that signs is not whole"))?;
    let signer = KeySigner::from_seed(seed);
    Ok((Arc::new(signer), Some(u64::from_le_bytes(since))))
}

/// Overwrites a key before its name goes, as far as the disk lets one.
fn destroy(disk: &dyn Disk, number: u64) -> io::Result<()> {
    let name = key_file(number);
    match disk.open(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) => {
            file.write_all_at(&[0; 40], 0)?;
            file.sync()?;
        }
    }
    disk.remove(&name)?;
    disk.sync_dir("keys")
}

fn key_file(number: u64) -> String {
    format!("keys/epoch-{number:010}.key")
}

fn note_file(number: u64) -> String {
    format!("keys/epoch-{number:010}.note")
}

fn damaged(message: &'static str) -> Error {
    Error::new(ErrorKind::Damaged, message)
}

fn bad_name(error: impl Into<mcpo2_core::BoxError>) -> Error {
    damaged("the name or the keys of the ledger are not whole").with_source(error)
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |error| Error::new(ErrorKind::Io, format!("cannot {what}")).with_source(error)
}
