use mcpo2_audit::witness::{Cosigner, DirectoryStore, MemoryStore, Store, Witness};
use mcpo2_verify::{
    note::Note,
    rotation::Rotation,
    witness::{AddCheckpoint, Reply},
};

use crate::log::{Log, ORIGIN};

const NOW: u64 = 1_800_000_000;
const KNOWN: Reply = Reply::Other(204);

fn witness<S: Store>(first: &Log, store: S) -> Witness<S> {
    let cosigner = Cosigner::new("w.example/1".parse().unwrap(), &[200; 32]).unwrap();
    Witness::new(cosigner, [first.key.clone()], store).unwrap()
}

fn add(witness: &Witness<impl Store>, log: &Log, old: u64, new: usize) -> Reply {
    let proof = log.proof(old, u64::try_from(new).unwrap());
    let request = AddCheckpoint::new(old, proof, log.checkpoint(new));
    witness.handle(request.to_string().as_bytes(), NOW)
}

fn signed(reply: &Reply) -> bool {
    matches!(reply, Reply::Cosigned(_))
}

/// That one key comes after another.
fn note(by: &Log, epoch: u64, size: u64, to: &Log) -> Note {
    by.note(&Rotation::new(epoch, size, to.key.clone()).unwrap().text())
}

fn rotate(witness: &Witness<impl Store>, note: &Note) -> Reply {
    witness.handle_rotation(note.to_string().as_bytes())
}

#[test]
fn checkpoints_are_signed_by_the_key_of_their_size() {
    let [a, b, c] = [1, 2, 3].map(|seed| Log::new(ORIGIN, seed));
    let witness = witness(&a, MemoryStore::default());
    assert!(signed(&add(&witness, &a, 0, 5)));
    assert_eq!(add(&witness, &b, 5, 9), Reply::Forbidden);
    assert_eq!(rotate(&witness, &note(&a, 1, 7, &b)), KNOWN);
    assert_eq!(add(&witness, &b, 5, 7), Reply::Forbidden);
    assert!(signed(&add(&witness, &a, 5, 7)));
    assert_eq!(add(&witness, &a, 7, 9), Reply::Forbidden);
    assert!(signed(&add(&witness, &b, 7, 9)));
    assert_eq!(rotate(&witness, &note(&b, 2, 9, &c)), KNOWN);
    assert!(signed(&add(&witness, &c, 9, 12)));
}

#[test]
fn rotation_that_does_not_follow_is_refused() {
    let [a, b, c] = [1, 2, 3].map(|seed| Log::new(ORIGIN, seed));
    let witness = witness(&a, MemoryStore::default());
    assert!(signed(&add(&witness, &a, 0, 5)));
    assert_eq!(rotate(&witness, &note(&b, 1, 7, &c)), Reply::Forbidden);
    assert_eq!(rotate(&witness, &note(&b, 2, 9, &c)), Reply::Conflict(0));
    assert_eq!(rotate(&witness, &note(&a, 1, 4, &b)), Reply::Inconsistent);
    let stranger = Log::new("other.example", 1);
    assert_eq!(
        rotate(&witness, &note(&stranger, 1, 7, &stranger)),
        Reply::UnknownLog
    );
    let text = a.note(&a.checkpoint(3).checkpoint().text());
    assert_eq!(rotate(&witness, &text), Reply::Malformed);

    let first = note(&a, 1, 7, &b);
    assert_eq!(rotate(&witness, &first), KNOWN);
    assert_eq!(rotate(&witness, &first), KNOWN, "again");
    assert_eq!(rotate(&witness, &note(&a, 1, 7, &c)), Reply::Conflict(1));
    assert_eq!(rotate(&witness, &note(&b, 2, 7, &c)), Reply::Inconsistent);
    assert_eq!(rotate(&witness, &note(&b, 2, 9, &a)), Reply::Inconsistent);
}

#[test]
fn restart_keeps_the_keys() {
    let [a, b] = [1, 2].map(|seed| Log::new(ORIGIN, seed));
    let dir = tempfile::tempdir().unwrap();
    let open = || witness(&a, DirectoryStore::open(dir.path()).unwrap());
    assert!(signed(&add(&open(), &a, 0, 5)));
    assert_eq!(rotate(&open(), &note(&a, 1, 5, &b)), KNOWN);
    assert_eq!(add(&open(), &a, 5, 9), Reply::Forbidden);
    assert!(signed(&add(&open(), &b, 5, 9)));
    assert_eq!(add(&open(), &b, 5, 9), Reply::Conflict(9));
}
