//! A second verifier, `examples/verify.py`, comes to the same outcome: of honest ledgers and of
//! those that were attacked.
//!
//! It runs with `MCPO2_PYTHON`, and must then; else with `python3` if that has the packages.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    log::{Options, verify},
};
use support::{Ledger, attack::OPERATORS, rng::Rng, writer::honest};

/// Verifies each line of a file: a directory, a key, and perhaps a checkpoint, told apart by tabs.
const DRIVER: &str = r#"
import pathlib, sys
import verify
for line in open(sys.argv[1], encoding="utf-8"):
    path, vkey, *since = line.rstrip("\n").split("\t")
    since = since[0].encode("utf-8") if since else None
    try:
        since = pathlib.Path(since.decode()).read_bytes() if since else None
        print("holds", verify.Ledger(path, vkey).verify(since))
    except verify.FAILS as bad:
        print("bad", bad)
"#;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn python(python: &str) -> Command {
    let mut command = Command::new(python);
    command.env("PYTHONPATH", examples());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The interpreter; `None` where none has the packages and none has to.
fn interpreter() -> Option<String> {
    if let Ok(named) = std::env::var("MCPO2_PYTHON") {
        return Some(named);
    }
    let found = python("python3").args(["-c", "import verify"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some("python3".to_owned());
    }
    // past what the test harness keeps to itself: that nothing was tested should be seen
    let why = "NOT TESTED: examples/verify.py needs python3 with blake3 and pynacl\n";
    std::io::stderr().write_all(why.as_bytes()).unwrap();
    None
}

struct Cases {
    dir: tempfile::TempDir,
    lines: String,
    expected: Vec<(String, Option<u64>)>,
}

impl Cases {
    fn add(&mut self, what: String, files: &support::Memory, key: &Ledger, since: Option<&str>) {
        let number = self.expected.len();
        let dir = self.dir.path().join(number.to_string());
        files.write_to(&dir);
        let mut options = Options::default();
        self.lines
            .push_str(&format!("{}\t{}", dir.display(), key.pairs[0].key));
        if let Some(note) = since {
            let path = self.dir.path().join(format!("{number}.since"));
            std::fs::write(&path, note).unwrap();
            self.lines.push_str(&format!("\t{}", path.display()));
            options = options.with_since(SignedCheckpoint::parse(note.as_bytes()).unwrap());
        }
        self.lines.push('\n');
        let ours = verify(files, &key.trust(), &options);
        self.expected
            .push((what, ours.ok().map(|report| report.extent.size)));
    }
}

#[test]
fn a_second_verifier_comes_to_the_same_outcome() {
    let Some(interpreter) = interpreter() else {
        return;
    };
    let mut cases = Cases {
        dir: tempfile::tempdir().unwrap(),
        lines: String::new(),
        expected: Vec::new(),
    };
    let others = [
        honest("example.com/log", 112, 40),
        honest("example.com/other", 3, 40),
    ];
    for seed in 0..24 {
        let ledger = honest("example.com/log", seed, 5 + seed * 2);
        let since = ledger.commits().into_iter().nth(1).map(|(_, note)| note);
        cases.add(
            format!("honest {seed}"),
            &ledger.files(),
            &ledger,
            since.as_deref(),
        );
        let mut rng = Rng::new(seed + 7);
        for (name, operator) in OPERATORS {
            // tiles beside segments are derived from them, and the second verifier passes them over
            if *name == "touch_a_tile" {
                continue;
            }
            let mut attacked = ledger.clone();
            let other = &others[rng.index(2)];
            if let Some(done) = operator(&mut attacked, other, &mut rng) {
                let what = format!("{name} of {seed}");
                cases.add(what, &done.files, &ledger, done.since.as_deref());
            }
        }
    }
    let list = cases.dir.path().join("list");
    std::fs::write(&list, &cases.lines).unwrap();
    let output = python(&interpreter)
        .args(["-c", DRIVER])
        .arg(&list)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(said.lines().count(), cases.expected.len());
    let held = cases.expected.iter().filter(|(_, ours)| ours.is_some());
    assert!(
        held.count() >= 24 && cases.expected.len() > 400,
        "{}",
        cases.expected.len()
    );
    for (theirs, (what, ours)) in said.lines().zip(&cases.expected) {
        let expected = ours.map(|size| format!("holds {size}"));
        let same = match &expected {
            Some(expected) => theirs == expected,
            None => theirs.starts_with("bad "),
        };
        assert!(same, "{what}: {theirs} where we say {expected:?}");
    }
}
