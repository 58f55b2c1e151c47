use std::{
    io,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use mcpo2_artifact::{
    Clock,
    ingest::{
        Done, ErrorKind, Format, Ingest, Limits, Progress, Sink, SinkFile, Spec,
        secret::{Scanner, redact},
    },
    manifest::{Entry, Manifest, Reason, RelPath},
};

use crate::planted::{HARMLESS, planted};
use crate::tree::{Node, Tree, of_archive};

fn spec(spec: serde_json::Value) -> mcpo2_artifact::ingest::Rules {
    serde_json::from_value::<Spec>(spec)
        .unwrap()
        .compile()
        .unwrap()
}

#[test]
fn nineteen_of_twenty_planted_keys_are_found_and_never_shown() {
    let (mut missed, mut all) = (Vec::new(), 0);
    for seed in 1..=40 {
        for (what, line) in planted(seed) {
            all += 1;
            let text = format!("# settings\n\n{line}\nmore = 1\n");
            match Scanner::scan(text.as_bytes()) {
                None => missed.push(what),
                Some(rule) => {
                    let redacted = String::from_utf8(redact(text.as_bytes()).into()).unwrap();
                    assert!(redacted.contains(&format!("[redacted: {rule}]")), "{what}");
                    assert_eq!(
                        Scanner::scan(redacted.as_bytes()),
                        None,
                        "{what}: {redacted}"
                    );
                }
            }
        }
    }
    assert!(
        missed.len() * 20 <= all,
        "{} of {all}: {missed:?}",
        missed.len()
    );
}

#[test]
fn what_only_looks_like_a_secret_is_left_alone() {
    for line in HARMLESS {
        assert_eq!(Scanner::scan(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn a_secret_is_in_no_manifest_no_error_and_no_store() {
    let (_, secret) = planted(7).remove(0);
    let body = secret.get(12..40).unwrap();
    let mut tree = Tree::of([(".env", "A=1"), ("ok.txt", "fine"), ("keys/id_rsa", "x")]);
    tree.file("settings.py", secret.as_bytes());
    // It lies over the border of two buffers.
    let far = [" ".repeat(256 * 1024 - 20).as_bytes(), secret.as_bytes()].concat();
    tree.file("far.txt", &far);
    let rules = Spec::default().compile().unwrap();
    let store = Kept::default();
    let ingest = Ingest::new(&rules).with_sink(&store);
    for format in [Format::Tar, Format::Zip] {
        let manifest = of_archive(ingest, format, tree.archive(format));
        assert_eq!(paths(&manifest), ["ok.txt"]);
        let reasons: Vec<_> = manifest
            .withheld()
            .iter()
            .map(|w| (w.path(), w.reason().rule()))
            .collect();
        let expected = [
            (".env", Some("env-file")),
            ("far.txt", Some("github-token")),
            ("keys/id_rsa", Some("ssh-key")),
            ("settings.py", Some("github-token")),
        ];
        assert_eq!(reasons, expected);
        assert!(!format!("{manifest:?}").contains(body));
    }
    let kept = store.0.into_inner().unwrap();
    assert_eq!(
        kept,
        [
            ("ok.txt".to_owned(), b"fine".to_vec()),
            ("ok.txt".to_owned(), b"fine".to_vec())
        ]
    );
}

#[test]
fn secrets_that_are_allowed_are_taken() {
    let (_, secret) = planted(7).remove(0);
    let tree = Tree::of([
        ("tests/keys/a.pem", "x"),
        ("tests/b.txt", &secret),
        ("c.txt", &secret),
    ]);
    let rules = spec(serde_json::json!({"allow_secrets": ["tests"]}));
    let manifest = of_archive(Ingest::new(&rules), Format::Zip, tree.zip());
    assert_eq!(paths(&manifest), ["tests/b.txt", "tests/keys/a.pem"]);
}

#[test]
fn the_limits_of_one_file_withhold_it() {
    let tree = Tree::of([
        ("long", "12345"),
        ("fits", "1234"),
        ("a/b/c", ""),
        ("a/b2", ""),
    ]);
    let rules = spec(serde_json::json!({"max_file_bytes": 4, "max_depth": 2}));
    let dir = tempfile::tempdir().unwrap();
    tree.write(dir.path());
    let manifest = Ingest::new(&rules).directory(dir.path()).unwrap();
    assert_eq!(paths(&manifest), ["a/b2", "fits"]);
    assert_eq!(reason(&manifest, "long"), &Reason::TooLarge);
    assert_eq!(reason(&manifest, "a/b"), &Reason::TooDeep);
    assert_eq!(
        of_archive(Ingest::new(&rules), Format::Tar, tree.tar()),
        manifest
    );
    let object = Ingest::new(&rules)
        .object("long".parse().unwrap(), &b"12345"[..])
        .unwrap();
    assert_eq!(reason(&object, "long"), &Reason::TooLarge);
}

#[test]
fn each_limit_of_the_whole_ends_the_ingest() {
    let mut tree = Tree::default();
    for at in 0..300 {
        tree.file(&format!("{at}"), b"12345678");
    }
    let dir = tempfile::tempdir().unwrap();
    tree.write(dir.path());
    let rules = Spec::default().compile().unwrap();
    let kind = |change: &dyn Fn(&mut Limits), clock: &dyn Clock| {
        let mut limits = Limits::default();
        change(&mut limits);
        let ingest = Ingest::new(&rules).with_limits(limits).with_clock(clock);
        let of_dir = ingest.directory(dir.path()).map_err(|error| error.kind());
        let of_tar = ingest.archive(Format::Tar, io::Cursor::new(tree.tar()));
        assert_eq!(of_dir, of_tar.map_err(|error| error.kind()));
        of_dir.err()
    };
    assert_eq!(kind(&|_| {}, &Ticking::default()), None);
    assert_eq!(
        kind(&|limits| limits.entries = 299, &Ticking::default()),
        Some(ErrorKind::TooMany)
    );
    assert_eq!(
        kind(&|limits| limits.bytes = 2399, &Ticking::default()),
        Some(ErrorKind::TooLarge)
    );
    let time = |limits: &mut Limits| limits.time = Duration::from_secs(20);
    assert_eq!(kind(&time, &Ticking::default()), Some(ErrorKind::TimedOut));
}

#[test]
fn progress_counts_what_was_read() {
    let tree = Tree::of([("a", "12"), ("b/c", "345"), (".env", "")]);
    let rules = Spec::default().compile().unwrap();
    let seen = Seen::default();
    of_archive(
        Ingest::new(&rules).with_progress(&seen),
        Format::Tar,
        tree.tar(),
    );
    assert_eq!(*seen.0.lock().unwrap(), [(1, 3), (2, 5)]);
}

#[test]
fn a_sink_that_fails_ends_the_ingest() {
    let rules = Spec::default().compile().unwrap();
    let tree = Tree::of([("a", "12")]);
    let ingest = Ingest::new(&rules).with_sink(&Full);
    let error = ingest
        .archive(Format::Tar, io::Cursor::new(tree.tar()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Sink);
}

#[test]
fn a_mode_that_is_executable_is_seen_in_each_source() {
    let mut tree = Tree::default();
    tree.add(
        "run",
        Node::File {
            bytes: vec![1],
            executable: true,
        },
    );
    let other = Tree::of([("run", "\u{1}")]);
    let rules = Spec::default().compile().unwrap();
    for format in [Format::Tar, Format::Zip] {
        let one = of_archive(Ingest::new(&rules), format, tree.archive(format));
        let two = of_archive(Ingest::new(&rules), format, other.archive(format));
        assert_ne!(one.root(), two.root());
    }
}

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest
        .entries()
        .iter()
        .map(|entry| entry.path().as_str())
        .collect()
}

fn reason<'m>(manifest: &'m Manifest, path: &str) -> &'m Reason {
    manifest
        .withheld()
        .iter()
        .find(|withheld| withheld.path() == path)
        .unwrap()
        .reason()
}

/// A second goes by whenever it is looked at.
#[derive(Debug, Default)]
struct Ticking(Mutex<u64>);

impl Clock for Ticking {
    fn now(&self) -> SystemTime {
        let mut seconds = self.0.lock().unwrap();
        *seconds += 1;
        SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds / 4)
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<(u64, u64)>>);

impl Progress for Seen {
    fn file(&self, done: &Done<'_>) {
        self.0.lock().unwrap().push((done.files, done.bytes));
    }
}

/// Keeps what is finished.
#[derive(Default)]
struct Kept(Mutex<Vec<(String, Vec<u8>)>>);

struct Keeping<'k>(&'k Kept, Vec<u8>);

impl Sink for Kept {
    fn file(&self, _: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        Ok(Box::new(Keeping(self, Vec::new())))
    }
}

impl SinkFile for Keeping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<()> {
        self.0
            .0
            .lock()
            .unwrap()
            .push((entry.path().to_string(), self.1));
        Ok(())
    }
}

struct Full;

impl Sink for Full {
    fn file(&self, _: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        Err(io::ErrorKind::StorageFull.into())
    }
}
