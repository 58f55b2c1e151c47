use crate::{
    Body, Kind,
    checkpoint::{CheckpointError, SignedCheckpoint},
    key::VerifierKey,
    note::Note,
    rotation::{Epochs, Rotation},
    trust::{Trust, TrustError},
};

use super::{Attack, Files, Finding, files, json};

/// Who signs what, from the first key on.
#[derive(Debug)]
pub(super) struct Keys {
    epochs: Epochs,
    notes: Vec<Note>,
}

impl Keys {
    /// Reads the name of the log and the notes by which keys follow each other.
    pub(super) fn load<F: Files + ?Sized>(ledger: &F, trust: &Trust) -> Result<Self, Finding> {
        let genesis = claimed_key(ledger)?;
        trusted(trust, &genesis)?;
        let mut keys = Self {
            epochs: Epochs::new(genesis),
            notes: Vec::new(),
        };
        for (note, epoch) in rotations(ledger)?.into_iter().zip(1_u64..) {
            keys.epochs.rotate(&note).map_err(|why| {
                let what = format!("the note of epoch {epoch} does not follow");
                Finding::new(Attack::KeyListSwapped, what).of(why)
            })?;
            keys.notes.push(note);
        }
        Ok(keys)
    }

    pub(super) fn origin(&self) -> &str {
        self.epochs.origin().as_str()
    }

    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn rotations(&self) -> &[Rotation] {
        self.epochs.rotations()
    }

    /// The rotation behind so many records.
    pub(super) fn rotation_at(&self, size: u64) -> Option<&Rotation> {
        let rotations = self.rotations();
        let at = rotations.binary_search_by_key(&size, Rotation::size).ok()?;
        rotations.get(at)
    }

    /// How many records a signed checkpoint covers.
    pub(super) fn signed(&self, note: &[u8]) -> Result<u64, Finding> {
        let parsed = SignedCheckpoint::parse(note);
        let signed =
            parsed.map_err(|error| Finding::new(Attack::Forged, "no checkpoint").of(error))?;
        self.verify(&signed)?;
        Ok(signed.checkpoint().size())
    }

    /// Whether a checkpoint is signed by the key that signs those of its size.
    pub(super) fn verify(&self, signed: &SignedCheckpoint) -> Result<(), Finding> {
        let size = signed.checkpoint().size();
        let wrong = match signed.verify(self.epochs.key(size)) {
            Ok(_) => return Ok(()),
            Err(wrong) => wrong,
        };
        let other = self.epochs.keys().any(|key| signed.verify(key).is_ok());
        Err(match wrong {
            CheckpointError::OtherOrigin => {
                let other = signed.checkpoint().origin();
                let why = format!("a checkpoint is of another log, {other:?}");
                Finding::new(Attack::Foreign, why)
            }
            _ if other => {
                let why = format!("the checkpoint of {size} is signed by a key of another epoch");
                Finding::new(Attack::Forged, why)
            }
            _ => {
                let why = format!("the checkpoint of {size} is not signed by the log");
                Finding::new(Attack::Forged, why)
            }
        }
        .of(wrong))
    }

    /// Whether the last record before a rotation names the key that the note names.
    pub(super) fn names_key(&self, size: u64, kind: Kind, body: &Body<'_>) -> Result<(), Finding> {
        let Some(rotation) = self.rotation_at(size) else {
            return Ok(());
        };
        let named = json::find(body.public(), "rotation", "key").and_then(json::plain_string);
        if kind == Kind::KEY_ROTATION && named == Some(rotation.key().to_string().as_str()) {
            return Ok(());
        }
        let why = "the log does not name the key that the rotation note names";
        Err(Finding::new(Attack::KeyListSwapped, why))
    }

    /// Whether a record with this number may stand behind a commit of `committed` records.
    pub(super) fn may_follow(&self, seq: u64, committed: u64) -> Result<(), Finding> {
        if committed == seq || self.rotation_at(seq).is_none() {
            return Ok(());
        }
        let why = "what stands before a rotation is not signed by the key before it";
        Err(Finding::new(Attack::Forged, why))
    }
}

/// The notes of a ledger by which keys follow each other, in their order. What they say is not yet
/// believed.
///
/// # Errors
///
/// Where one is missing or is no note.
pub fn rotations<F: Files + ?Sized>(ledger: &F) -> Result<Vec<Note>, Finding> {
    let mut notes = Vec::new();
    for name in names_of_notes(files::list(ledger, "keys")?)? {
        let path = format!("keys/{name}");
        let bytes = files::read(ledger, &path, 1 << 18)?.unwrap_or_default();
        notes.push(Note::parse(&bytes).map_err(|why| {
            Finding::new(Attack::KeyListSwapped, format!("{path} is no note")).of(why)
        })?);
    }
    Ok(notes)
}

/// The first key of a ledger, as the ledger itself says. Who can change the ledger can change it:
/// it is no substitute for one that is known from elsewhere.
///
/// # Errors
///
/// Where the ledger does not say it.
pub fn claimed_key<F: Files + ?Sized>(ledger: &F) -> Result<VerifierKey, Finding> {
    let origin = files::read(ledger, "origin", 4096)?;
    let origin = origin.ok_or_else(|| Finding::new(Attack::Unreadable, "origin is missing"))?;
    parse_origin(&origin)
        .ok_or_else(|| Finding::new(Attack::Unreadable, "origin is no name and its key"))
}

fn parse_origin(bytes: &[u8]) -> Option<VerifierKey> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (name, rest) = text.split_once('\n')?;
    let key: VerifierKey = rest.strip_suffix('\n')?.parse().ok()?;
    (key.name().as_str() == name).then_some(key)
}

fn trusted(trust: &Trust, genesis: &VerifierKey) -> Result<(), Finding> {
    let mut logs = trust.logs().iter().map(crate::trust::Log::key);
    if logs.clone().any(|key| key == genesis) {
        return Ok(());
    }
    let name = genesis.name();
    Err(match logs.any(|key| key.name() == name) {
        true => Finding::new(
            Attack::KeyListSwapped,
            format!("the first key of {name} is not the one that is trusted"),
        ),
        false => Finding::new(
            Attack::Foreign,
            format!("it is the ledger of {name}, which is not trusted"),
        ),
    })
}

/// The names of the notes in their order, none missing.
fn names_of_notes(names: Vec<String>) -> Result<Vec<String>, Finding> {
    let mut notes: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with("epoch-") && name.ends_with(".note"))
        .collect();
    notes.sort_unstable();
    for (name, number) in notes.iter().zip(1_u64..) {
        if *name != format!("epoch-{number:010}.note") {
            let why = format!("keys/{name} stands where the note of epoch {number} should");
            return Err(Finding::new(Attack::KeyListSwapped, why));
        }
    }
    Ok(notes)
}

/// What it means that a checkpoint is not believed.
pub(super) fn disbelieved(error: TrustError) -> Finding {
    let attack = match error {
        TrustError::UnknownLog => Attack::Foreign,
        TrustError::Rotation(_) => Attack::KeyListSwapped,
        TrustError::Quorum => Attack::Unwitnessed,
        _ => Attack::Forged,
    };
    Finding::new(attack, "a checkpoint is not believed").of(error)
}
