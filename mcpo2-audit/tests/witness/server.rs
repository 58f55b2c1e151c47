use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use mcpo2_audit::witness::{Cosigner, DirectoryStore, MemoryStore, Store, Witness};
use mcpo2_verify::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::VerifierKey,
    note::{SignatureLine, assemble},
    witness::{AddCheckpoint, Reply, origin_hash},
};

use crate::log::{Log, ORIGIN};

const NOW: u64 = 1_800_000_000;

fn cosigner() -> Cosigner {
    Cosigner::new("w.example/1".parse().unwrap(), &[200; 32]).unwrap()
}

fn witness(log: &Log) -> Witness<MemoryStore> {
    Witness::new(cosigner(), [log.key.clone()], MemoryStore::default()).unwrap()
}

fn add(witness: &Witness<impl Store>, log: &Log, old: usize, new: usize) -> Reply {
    let [from, to] = [old, new].map(|size| u64::try_from(size).unwrap());
    let proof = log.proof(from.min(to), to);
    let request = AddCheckpoint::new(from, proof, log.checkpoint(new));
    witness.handle(request.to_string().as_bytes(), NOW)
}

fn signed(reply: &Reply) -> bool {
    matches!(reply, Reply::Cosigned(_))
}

#[test]
fn checkpoints_that_go_on_are_signed_at_the_time() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    for (old, new) in [(0, 0), (0, 3), (3, 3), (3, 7), (7, 8), (8, 64)] {
        let Reply::Cosigned(lines) = add(&witness, &log, old, new) else {
            panic!("{old} to {new} was refused");
        };
        let mut checkpoint = log.checkpoint(new);
        lines
            .into_iter()
            .for_each(|line| checkpoint.add(line).unwrap());
        let signers = checkpoint.cosigners(&[witness.key()]).unwrap();
        assert_eq!(signers[0].time(), Some(NOW));
    }
}

#[test]
fn another_old_size_is_answered_with_the_one_that_was_signed() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    assert_eq!(add(&witness, &log, 3, 7), Reply::Conflict(0));
    assert!(signed(&add(&witness, &log, 0, 7)));
    for old in [0, 3, 6] {
        assert_eq!(add(&witness, &log, old, 8), Reply::Conflict(7));
    }
    assert_eq!(add(&witness, &log, 8, 8), Reply::Conflict(7));
}

#[test]
fn rollback_is_refused() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    assert!(signed(&add(&witness, &log, 0, 8)));
    assert_eq!(add(&witness, &log, 0, 4), Reply::Conflict(8));
    assert_eq!(add(&witness, &log, 4, 4), Reply::Conflict(8));
    assert_eq!(add(&witness, &log, 8, 4), Reply::Malformed);
    assert!(signed(&add(&witness, &log, 8, 9)));
}

#[test]
fn fork_is_refused_whatever_its_proof() {
    let (log, fork) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 1).forked(2));
    let witness = witness(&log);
    assert!(signed(&add(&witness, &log, 0, 5)));
    assert_eq!(add(&witness, &fork, 5, 9), Reply::Inconsistent);
    assert_eq!(add(&witness, &fork, 5, 5), Reply::Inconsistent);
    let other = AddCheckpoint::new(5, log.proof(5, 9), fork.checkpoint(9));
    let other = witness.handle(other.to_string().as_bytes(), NOW);
    assert_eq!(other, Reply::Inconsistent);
    assert!(signed(&add(&witness, &log, 5, 9)));
}

#[test]
fn proof_with_more_or_fewer_hashes_is_refused() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    let send = |old, proof: Vec<_>, new| {
        let request = AddCheckpoint::new(old, proof, log.checkpoint(new));
        witness.handle(request.to_string().as_bytes(), NOW)
    };
    assert_eq!(send(0, vec![[0; 32]], 5), Reply::Inconsistent);
    assert!(signed(&send(0, vec![], 5)));
    assert_eq!(send(5, vec![], 9), Reply::Inconsistent);
    assert_eq!(send(5, vec![[0; 32]], 5), Reply::Inconsistent);
    let mut proof = log.proof(5, 9);
    proof.push([0; 32]);
    assert_eq!(send(5, proof, 9), Reply::Inconsistent);
    assert_eq!(send(5, vec![[0; 32]; 64], 9), Reply::Malformed);
}

#[test]
fn empty_tree_has_the_root_of_nothing() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    let wrong = log.sign(&Checkpoint::new(log.key.name(), 0, [0; 32]));
    let request = AddCheckpoint::new(0, vec![], wrong);
    let reply = witness.handle(request.to_string().as_bytes(), NOW);
    assert_eq!(reply, Reply::Inconsistent);
}

#[test]
fn only_logs_that_are_known_and_their_keys_are_signed_for() {
    let (log, thief) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 2));
    let other = Log::new("other.example", 1);
    let witness = witness(&log);
    assert_eq!(add(&witness, &other, 0, 3), Reply::UnknownLog);
    assert_eq!(add(&witness, &thief, 0, 3), Reply::Forbidden);

    // Another signature does no harm, a wrong one by the known key does.
    let mut both = thief.checkpoint(3);
    let good = log.checkpoint(3).note().signatures()[0].clone();
    both.add(good.clone()).unwrap();
    let send = |checkpoint: SignedCheckpoint| {
        let request = AddCheckpoint::new(0, vec![], checkpoint);
        witness.handle(request.to_string().as_bytes(), NOW)
    };
    let wrong = SignatureLine::new(good.name().clone(), good.id(), &[0; 64]);
    let lines = [good, wrong];
    let mixed = assemble(both.note().text(), &lines);
    let mixed = SignedCheckpoint::parse(mixed.as_bytes()).unwrap();
    assert_eq!(send(mixed), Reply::Forbidden);
    assert!(signed(&send(both)));
}

#[test]
fn malformed_bodies_are_refused() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    let good = AddCheckpoint::new(0, vec![], log.checkpoint(3)).to_string();
    let long = " ".repeat(AddCheckpoint::MAX_BYTES + 1);
    for body in [
        "",
        "old 0\n",
        "old 0\n\n",
        &good.replace("old 0", "old"),
        &long,
    ] {
        assert_eq!(witness.handle(body.as_bytes(), NOW), Reply::Malformed);
    }
    assert_eq!(witness.handle(good.as_bytes(), 0), Reply::Other(503));
    assert!(signed(&witness.handle(good.as_bytes(), NOW)));
}

#[test]
fn restart_keeps_what_was_signed() {
    let (log, fork) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 1).forked(2));
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let store = DirectoryStore::open(dir.path()).unwrap();
        Witness::new(cosigner(), [log.key.clone()], store).unwrap()
    };
    assert!(signed(&add(&open(), &log, 0, 5)));
    assert_eq!(add(&open(), &log, 0, 9), Reply::Conflict(5));
    assert_eq!(add(&open(), &fork, 5, 9), Reply::Inconsistent);
    assert!(signed(&add(&open(), &log, 5, 9)));
    let newest = open().newest(&origin_hash(ORIGIN)).unwrap().unwrap();
    assert_eq!(newest.checkpoint().size(), 9);
    assert_eq!(newest.note().signatures().len(), 2);
    assert!(newest.cosigners(&[cosigner().key()]).unwrap().len() == 1);
    assert!(open().newest(&origin_hash("other")).unwrap().is_none());
}

#[test]
fn second_witness_in_a_directory_and_a_damaged_one_do_not_open() {
    let log = Log::new(ORIGIN, 1);
    let dir = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(dir.path()).unwrap();
    assert!(DirectoryStore::open(dir.path()).is_err());
    let witness = Witness::new(cosigner(), [log.key.clone()], store).unwrap();
    assert!(signed(&add(&witness, &log, 0, 5)));
    drop(witness);

    let path = dir.path().join(format!("{}.note", origin_hash(ORIGIN)));
    let note = std::fs::read_to_string(&path).unwrap();
    let fork = Log::new(ORIGIN, 9).checkpoint(2).to_string();
    for damaged in [
        "",
        &note[..note.len() - 1],
        &note.replace("\n5\n", "\n4\n"),
        &fork,
    ] {
        std::fs::write(&path, damaged).unwrap();
        let store = DirectoryStore::open(dir.path()).unwrap();
        let error = Witness::new(cosigner(), [log.key.clone()], store).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

#[test]
fn caught_log_leaves_the_proof_behind() {
    let (log, fork) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 1).forked(2));
    let dir = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(dir.path()).unwrap();
    let witness = Witness::new(cosigner(), [log.key.clone()], store).unwrap();
    assert!(signed(&add(&witness, &log, 0, 5)));
    assert!(!signed(&add(&witness, &fork, 0, 5)));
    let path = dir.path().join(format!("{}.fork", origin_hash(ORIGIN)));
    let proof = SignedCheckpoint::parse(&std::fs::read(path).unwrap()).unwrap();
    assert!(proof.verify(&log.key).is_ok());
    assert_eq!(proof, fork.checkpoint(5));
}

/// Fails before or behind what it does.
#[derive(Default)]
struct Failing {
    store: MemoryStore,
    fail: AtomicU8,
}

impl Store for Failing {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.store.load(name)
    }

    fn save(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self.fail.load(Ordering::Relaxed) {
            1 => Err(io::Error::other("full")),
            2 => {
                self.store.save(name, bytes)?;
                Err(io::Error::other("lost power"))
            }
            _ => self.store.save(name, bytes),
        }
    }
}

#[test]
fn nothing_is_signed_that_is_not_kept() {
    let log = Log::new(ORIGIN, 1);
    let store = Arc::new(Failing::default());
    let witness = Witness::new(cosigner(), [log.key.clone()], Arc::clone(&store)).unwrap();
    store.fail.store(1, Ordering::Relaxed);
    assert_eq!(add(&witness, &log, 0, 5), Reply::Other(503));
    store.fail.store(0, Ordering::Relaxed);
    assert_eq!(add(&witness, &log, 5, 5), Reply::Conflict(0));
    assert!(signed(&add(&witness, &log, 0, 3)));
}

#[test]
fn what_was_kept_before_a_crash_is_what_was_signed_last() {
    let (log, fork) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 1).forked(2));
    let store = Arc::new(Failing::default());
    let open = || Witness::new(cosigner(), [log.key.clone()], Arc::clone(&store)).unwrap();
    let witness = open();
    store.fail.store(2, Ordering::Relaxed);
    assert_eq!(add(&witness, &log, 0, 5), Reply::Other(503));
    store.fail.store(0, Ordering::Relaxed);
    // Both the one that goes on and the one that begins anew know it, though nobody saw it signed.
    for witness in [witness, open()] {
        assert_eq!(add(&witness, &fork, 0, 5), Reply::Conflict(5));
        assert_eq!(add(&witness, &fork, 5, 9), Reply::Inconsistent);
        assert!(signed(&add(&witness, &log, 5, 5)));
    }
}

#[test]
fn of_submissions_at_once_each_goes_on_from_the_one_before() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log);
    let sizes = std::thread::scope(|scope| {
        let one = |new: usize| {
            let (witness, log) = (&witness, &log);
            scope.spawn(move || signed(&add(witness, log, 0, new)).then_some(new))
        };
        let handles: Vec<_> = (1..32).map(one).collect();
        let sizes = handles
            .into_iter()
            .filter_map(|handle| handle.join().unwrap());
        sizes.collect::<Vec<_>>()
    });
    assert_eq!(sizes.len(), 1, "each began from nothing");
    let newest = witness.newest(&origin_hash(ORIGIN)).unwrap().unwrap();
    let size = usize::try_from(newest.checkpoint().size()).unwrap();
    assert_eq!(sizes, [size]);
}

#[test]
fn key_of_a_witness_is_not_one_of_a_log() {
    let key: VerifierKey = cosigner().key().clone();
    let error = Witness::new(cosigner(), [key], MemoryStore::default()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
