//! A second verifier, `examples/verify_excerpt.py`, comes to the same outcome: of honest proofs and
//! of spoiled ones.
//!
//! It takes the standard library alone, and runs with `MCPO2_PYTHON`, else with `python3`; it must
//! run where the first is set.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use mcpo2_artifact::manifest::{
    Content, Entry, Manifest, Mode,
    excerpt::{Cover, Excerpt, ExcerptProof},
};
use mcpo2_core::Digest;

/// Verifies each line of stdin: a root and a proof, both in hexadecimal.
const DRIVER: &str = r#"
import sys
import verify_excerpt
for line in sys.stdin:
    root, proof = map(bytes.fromhex, line.split())
    try:
        it = verify_excerpt.Excerpt(root, proof)
        print("holds", it.path, it.start, it.end, it.line, it.data[:40].hex())
    except verify_excerpt.Bad:
        print("bad")
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

/// The interpreter; `None` where there is none and none has to be.
fn interpreter() -> Option<String> {
    if let Ok(named) = std::env::var("MCPO2_PYTHON") {
        return Some(named);
    }
    let found = python("python3")
        .args(["-c", "import verify_excerpt"])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some("python3".to_owned());
    }
    // past what the test harness keeps to itself: that nothing was tested should be seen
    let why = "NOT TESTED: examples/verify_excerpt.py needs python3\n";
    std::io::stderr().write_all(why.as_bytes()).unwrap();
    None
}

fn content(size: usize) -> Vec<u8> {
    let byte = |at: usize| {
        if at.is_multiple_of(37) {
            b'\n'
        } else {
            (at * at / 7) as u8
        }
    };
    (0..size).map(byte).collect()
}

fn manifest(content: &[u8], others: usize) -> Manifest {
    let file = |path: &str, content: &[u8]| {
        let (size, digest) = (content.len() as u64, Digest::of(content));
        let mode = Mode::Plain;
        Entry::new(path.parse().unwrap(), Content::File { mode, size, digest })
    };
    let others = (0..others).map(|n| file(&format!("dir/{n}"), &[n as u8]));
    let entries = others.chain([file("dir/5é", content)]).collect();
    Manifest::new(Digest::of(b"spec"), entries, vec![]).unwrap()
}

#[derive(Default)]
struct Cases {
    lines: String,
    expected: Vec<String>,
}

impl Cases {
    fn add(&mut self, root: &Digest, proof: &[u8]) {
        let line = &mut self.lines;
        (root.as_bytes().iter()).for_each(|byte| write!(line, "{byte:02x}").unwrap());
        line.push(' ');
        proof
            .iter()
            .for_each(|byte| write!(line, "{byte:02x}").unwrap());
        line.push('\n');
        let read = ExcerptProof::from_bytes(proof);
        let outcome = read.and_then(|read| read.verify(root).map(told));
        self.expected.push(outcome.unwrap_or("bad".to_owned()));
    }

    fn spoil(&mut self, root: &Digest, proof: &[u8], at: impl Iterator<Item = usize>) {
        for at in at {
            let mut proof = proof.to_vec();
            proof[at] ^= 1 << (at % 8);
            self.add(root, &proof);
        }
        self.add(root, &proof[..proof.len() - 1]);
        self.add(root, &[proof, &[0]].concat());
        self.add(&Digest::of(b"another"), proof);
    }
}

fn told(excerpt: Excerpt<'_>) -> String {
    let (path, range) = (excerpt.entry().path(), excerpt.range());
    let line = excerpt.lines().map(|lines| lines.start().to_string());
    let line = line.unwrap_or("None".to_owned());
    let bytes = excerpt.bytes().iter().take(40);
    let bytes: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    let told = format!("holds {path} {} {} {line} {bytes}", range.start, range.end);
    told.trim_end().to_owned()
}

fn cases() -> Cases {
    let mut cases = Cases::default();
    for (size, range, others) in [
        (0, 0..0, 0),
        (1, 0..1, 1),
        (1025, 1000..1025, 2),
        (16_384, 16_383..16_384, 3),
        (16_385, 16_384..16_385, 8),
        (33_000, 16_400..16_500, 13),
        (70_000, 40_000..50_000, 70),
        (98_305, 98_300..98_305, 5),
    ] {
        let content = content(size);
        let manifest = manifest(&content, others);
        for cover in [Cover::Part, Cover::Beginning] {
            let proof = manifest
                .excerpt("dir/5é", &content, range.clone(), cover)
                .unwrap();
            cases.add(&manifest.root(), &proof.to_bytes());
        }
    }
    let (small, large) = (content(90), content(40_000));
    let (of_small, of_large) = (manifest(&small, 9), manifest(&large, 9));
    let proof = of_small
        .excerpt("dir/5é", &small, 3..70, Cover::Part)
        .unwrap()
        .to_bytes();
    cases.spoil(&of_small.root(), &proof, 0..proof.len());
    let part = 17_000..17_009;
    let proof = of_large
        .excerpt("dir/5é", &large, part, Cover::Part)
        .unwrap()
        .to_bytes();
    cases.spoil(&of_large.root(), &proof, (200..proof.len()).step_by(1999));
    cases
}

#[test]
fn a_second_verifier_comes_to_the_same_outcome() {
    let Some(interpreter) = interpreter() else {
        return;
    };
    let cases = cases();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(cases.lines.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let output = python(&interpreter)
        .args(["-c", DRIVER])
        .stdin(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let outcomes = String::from_utf8(output.stdout).unwrap();
    let outcomes: Vec<&str> = outcomes.lines().map(str::trim_end).collect();
    assert_eq!(outcomes.len(), cases.expected.len());
    for (number, (theirs, ours)) in outcomes.iter().zip(&cases.expected).enumerate() {
        assert_eq!(theirs, ours, "case {number}");
    }
    let honest = outcomes.iter().filter(|outcome| **outcome != "bad").count();
    assert!(
        honest >= 16 && outcomes.len() - honest > 300,
        "{honest} of {}",
        outcomes.len()
    );
}

#[test]
fn the_second_verifier_is_used_from_a_shell() {
    let Some(interpreter) = interpreter() else {
        return;
    };
    let (dir, content) = (tempfile::tempdir().unwrap(), b"one\ntwo\nthree\n");
    let manifest = manifest(content, 3);
    let proof = manifest
        .excerpt("dir/5é", content, 4..8, Cover::Part)
        .unwrap();
    let path = dir.path().join("proof");
    std::fs::write(&path, proof.to_bytes()).unwrap();
    let run = |root: String| {
        let mut command = python(&interpreter);
        command.env("PYTHONIOENCODING", "utf-8");
        command
            .arg(examples().join("verify_excerpt.py"))
            .arg(root)
            .arg(&path);
        command.output().unwrap()
    };
    let output = run(manifest.root().to_string());
    assert_eq!(output.stdout, b"two\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said.trim_end(),
        "holds: bytes 4..8 of 'dir/5é', from line 2"
    );
    assert!(!run(Digest::of(b"another").to_string()).status.success());
}
