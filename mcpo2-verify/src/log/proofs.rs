use crate::{
    Body, Hash, Leaf,
    checkpoint::SignedCheckpoint,
    commitment, leaf_hash,
    note::Note,
    proof::{Proof, ProofError},
    record_digest,
    trust::Trust,
    verify_consistency,
};

use super::{Attack, Finding, keys::disbelieved};

/// A field that is not public, and that somebody shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disclosed<'a> {
    /// Where it stands: a JSON pointer into the record.
    pub path: &'a str,
    /// What the commitment was made with.
    pub salt: [u8; 32],
    /// The value as JSON text, byte by byte as it was recorded.
    pub value: &'a str,
}

/// A record that stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded<'a> {
    /// What the tree says of it.
    pub leaf: Leaf,
    /// What it says.
    pub body: Body<'a>,
    /// How many records the checkpoint covers that proves it.
    pub size: u64,
    /// The witnesses that signed the checkpoint, among those that were asked for.
    pub cosigners: Vec<String>,
}

/// Verifies that a log recorded this body, and these fields that are not public in it.
///
/// # Errors
///
/// What does not hold: [`Attack::Edited`] where body, fields or the number are not those of the
/// leaf, [`Attack::Forged`] where nobody who is trusted signed for the leaf.
pub fn verify_record<'a>(
    proof: &Proof,
    body: &'a [u8],
    fields: &[Disclosed<'_>],
    trust: &Trust,
    rotations: &[Note],
) -> Result<Recorded<'a>, Finding> {
    let edited = |why| Finding::new(Attack::Edited, why).seq_at(proof.index());
    let unreadable = |why| Finding::new(Attack::Unreadable, why);
    let bytes = proof
        .extra()
        .ok_or_else(|| unreadable("the proof has no leaf"))?;
    let leaf = Leaf::decode(bytes).map_err(|error| unreadable("the leaf is none").of(error))?;
    let believed = proof.verify(&leaf_hash(bytes), trust, rotations);
    let believed = believed.map_err(|error| not_proven(proof.index(), error))?;
    if leaf.seq != proof.index() {
        return Err(edited(
            "the leaf has another number than its place in the tree",
        ));
    }
    if leaf.record_digest != record_digest(body) {
        return Err(edited("the body is not the one that was recorded"));
    }
    let body = Body::decode(body).map_err(|error| unreadable("the body is none").of(error))?;
    for field in fields {
        let hash = commitment(&field.salt, field.path, field.value);
        let mut commitments = body.commitments();
        if !commitments.any(|it| it.path == field.path && it.hash == hash) {
            return Err(edited("a field is not what was recorded there"));
        }
    }
    let cosigners = believed.cosigners().iter();
    Ok(Recorded {
        leaf,
        body,
        size: believed.checkpoint().size(),
        cosigners: cosigners.map(|it| it.key().name().to_string()).collect(),
    })
}

fn not_proven(seq: u64, error: ProofError) -> Finding {
    match error {
        ProofError::Trust(error) => disbelieved(error),
        error => {
            let why = "the checkpoint does not prove that there is such a record";
            Finding::new(Attack::Forged, why).seq_at(seq).of(error)
        }
    }
}

/// Verifies that the log of one checkpoint begins with that of the other.
///
/// # Errors
///
/// What does not hold: [`Attack::RolledBack`] where the new one has fewer records,
/// [`Attack::Forked`] where the proof does not lead from one to the other.
pub fn verify_checkpoints(
    old: &SignedCheckpoint,
    new: &SignedCheckpoint,
    proof: &[Hash],
    trust: &Trust,
    rotations: &[Note],
) -> Result<(), Finding> {
    if old.checkpoint().origin() != new.checkpoint().origin() {
        let why = "the checkpoints are of different logs";
        return Err(Finding::new(Attack::Foreign, why));
    }
    for signed in [old, new] {
        trust.verify(signed, rotations).map_err(disbelieved)?;
    }
    let (old, new) = (old.checkpoint(), new.checkpoint());
    if new.size() < old.size() {
        let why = format!("{} records were there, and now {}", old.size(), new.size());
        return Err(Finding::new(Attack::RolledBack, why).seq_at(new.size()));
    }
    verify_consistency(old.size(), old.root(), new.size(), new.root(), proof).map_err(|error| {
        let why = "it is not proven that the one log begins with the other";
        Finding::new(Attack::Forked, why).seq_at(0).of(error)
    })
}
