//! Promises of disks, signers and clocks.

use std::io;

use mcpo2_verify::key::VerifierKey;

use super::Broken;
use crate::{Clock, Disk, DiskFile, Signer};

/// Whether a disk, empty and of no ledger, keeps what a ledger builds on. What becomes of it in a
/// crash cannot be asked of a disk: [`ModelDisk`](super::ModelDisk) is for ledgers, and this for disks.
///
/// # Errors
///
/// The first promise that is not kept.
pub fn disk(disk: &dyn Disk) -> Result<(), Broken> {
    let failed = |error| Broken::new("a disk in order does not fail", error);
    lock(disk)?;
    names(disk).map_err(failed)??;
    contents(disk).map_err(failed)?
}

fn lock(disk: &dyn Disk) -> Result<(), Broken> {
    let held = disk
        .lock()
        .map_err(|error| Broken::new("a free disk is locked", error))?;
    let second = disk.lock().map(drop).map_err(|error| error.kind());
    holds(
        "one writer has a disk",
        second == Err(io::ErrorKind::WouldBlock),
    )?;
    drop(held);
    holds("a lock ends with what holds it", disk.lock().is_ok())
}

type Asked = io::Result<Result<(), Broken>>;

fn names(disk: &dyn Disk) -> Asked {
    let missing = disk
        .open("there/is/none")
        .map(drop)
        .map_err(|error| error.kind());
    let law = "what is not there is not found";
    if missing != Err(io::ErrorKind::NotFound) {
        return Ok(holds(law, false));
    }
    disk.create("folder/a")?.write_all_at(b"one", 0)?;
    disk.create("folder/b")?.write_all_at(b"two", 0)?;
    disk.sync_dir("folder")?;
    disk.rename("folder/a", "folder/b")?;
    let listed = disk.list("folder")?;
    let of_nothing = disk.list("no/such/folder")?;
    let read = disk.read("folder/b", 3)?;
    let too_long = disk.read("folder/b", 2).is_err();
    disk.replace("folder/b", b"three")?;
    let replaced = disk.read("folder/b", 10)?;
    disk.remove("folder/b")?;
    disk.sync_all()?;
    let empty = disk.list("folder")?;
    Ok(holds(
        "a rename takes the place of a file",
        listed == ["b"] && read == b"one",
    )
    .and(holds(
        "a folder that is not there is empty",
        of_nothing.is_empty(),
    ))
    .and(holds("no more is read than was asked for", too_long))
    .and(holds("a file is replaced as a whole", replaced == b"three"))
    .and(holds("what is removed is gone", empty.is_empty())))
}

fn contents(disk: &dyn Disk) -> Asked {
    let file = disk.create("contents")?;
    file.allocate(10_000)?;
    let allocated = read(&*file, 0, 10_000)?;
    file.write_all_at(&[7; 100], 9_950)?;
    let longer = file.len()?;
    file.set_len(9_960)?;
    file.set_len(9_970)?;
    file.sync()?;
    let end = read(&*disk.open("contents")?, 9_950, 100)?;
    let again = disk.create("contents")?.len()?;
    disk.remove("contents")?;
    let zeros = allocated.iter().all(|byte| *byte == 0);
    let cut = end.len() == 20 && end.starts_with(&[7; 10]) && end.ends_with(&[0; 10]);
    Ok(
        holds("room that is kept is zeros, or is not there yet", zeros)
            .and(holds("a write behind the end lengthens", longer == 10_050))
            .and(holds("what was cut is zeros when there is room again", cut))
            .and(holds("a file that is made anew is empty", again == 0)),
    )
}

fn read(file: &dyn DiskFile, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![1; length];
    let mut count = 0;
    while let Some(rest) = bytes.get_mut(count..).filter(|rest| !rest.is_empty()) {
        let at = offset + u64::try_from(count).unwrap_or_default();
        match file.read_at(rest, at)? {
            0 => break,
            more => count += more,
        }
    }
    bytes.truncate(count);
    Ok(bytes)
}

/// Whether a signer signs so that others can verify it.
///
/// # Errors
///
/// The first promise that is not kept.
pub fn signer(signer: &dyn Signer) -> Result<(), Broken> {
    use mcpo2_verify::note::{Note, assemble, sign_note};
    let law = "a signer signs";
    let name = "conformance.example/log".parse();
    let name = name.map_err(|error| Broken::new(law, error))?;
    let key = VerifierKey::new(name, &signer.public_key());
    let key = key.map_err(|error| Broken::new("a key is one of Ed25519", error))?;
    for text in ["a\n", "another text\nof two lines\n"] {
        let line = sign_note(text, key.name(), key.id(), |message| signer.sign(message));
        let line = line.map_err(|error| Broken::new(law, error))?;
        let note = Note::parse(assemble(text, &[line]).as_bytes());
        let note = note.map_err(|error| Broken::new(law, error))?;
        holds("what is signed verifies", note.verify(&[&key]).is_ok())?;
    }
    holds("a signer has one key", *key.public() == signer.public_key())
}

/// Whether a clock is one.
///
/// # Errors
///
/// The first promise that is not kept.
pub fn clock(clock: &dyn Clock) -> Result<(), Broken> {
    let mut before = clock.monotonic();
    for _ in 0..10_000 {
        let now = clock.monotonic();
        holds("a clock that nobody sets does not go back", now >= before)?;
        before = now;
    }
    let is_one = clock.now().as_second() >= 0;
    holds("it is after 1970", is_one)
}

fn holds(law: &str, kept: bool) -> Result<(), Broken> {
    match kept {
        true => Ok(()),
        false => Err(Broken::new(law, "it is not so")),
    }
}
