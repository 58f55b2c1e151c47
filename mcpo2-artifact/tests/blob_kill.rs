//! What is left when the process is killed while it ingests, uploads and sweeps.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use mcpo2_artifact::blob::{
    BlobStore, Chunking, Depot, FsBlobs, Keep, KeyDir, Kind, Limits, NewUpload, Quotas,
    SweepOptions, TenantBlobs, Uploads, upload_label,
};
use mcpo2_core::Digest;

const CHILD: &str = "MCPO2_ARTIFACT_CHILD";
const ROUNDS: &str = "MCPO2_ARTIFACT_ROUNDS";

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn content(number: u64, size: usize) -> Bytes {
    let mut bytes = vec![0; size];
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&number.to_be_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes.into()
}

/// What is committed together: something of its own, something that others have as well, and now
/// and then something large, which differs in little from another.
fn contents(number: u64) -> Vec<Bytes> {
    let mut contents = vec![content(number, 100), content(number % 3, 1000)];
    if number.is_multiple_of(5) {
        let large = content(1, 300_000);
        let edit = [(number % 3).try_into().unwrap(); 9];
        contents.push(
            [&large[..100_000], &edit, &large[100_000..]]
                .concat()
                .into(),
        );
    }
    contents
}

/// Now and then as much as is kept in chunks.
fn upload_size(number: u64) -> usize {
    if number.is_multiple_of(3) {
        300_000
    } else {
        50_000
    }
}

struct Opened {
    store: Arc<FsBlobs>,
    depot: Depot,
    uploads: Uploads,
}

/// In half of the rounds, large content is kept in chunks; what another kept is met either way.
fn open(dir: &Path, round: u64) -> Opened {
    let store = Arc::new(FsBlobs::open(dir.join("blobs")).unwrap());
    let keys = Arc::new(KeyDir::open(dir.join("keys")).unwrap());
    let mut depot = Depot::new(store.clone(), keys, Quotas::new(Limits::NONE));
    if !round.is_multiple_of(2) {
        let chunking = Chunking::default().with_threshold(0);
        depot = depot.with_chunks(chunking.with_sizes(8192, 32_768, 131_072).unwrap());
    }
    let uploads = run(Uploads::open(dir.join("uploads"), depot.clone())).unwrap();
    Opened {
        store,
        depot,
        uploads,
    }
}

impl Opened {
    fn acme(&self) -> TenantBlobs {
        self.depot.tenant(&"acme".parse().unwrap()).unwrap()
    }

    /// What there really is: objects, bytes.
    fn counted(&self) -> (u64, u64) {
        let (mut objects, mut bytes) = (0, 0);
        for space in run(self.store.spaces()).unwrap() {
            for kind in Kind::ALL {
                for listed in run(self.store.list(&space, kind, None, 1 << 20)).unwrap() {
                    objects += 1;
                    bytes += listed.head.size;
                }
            }
        }
        (objects, bytes)
    }
}

fn say(line: &str) {
    std::io::stdout()
        .write_all(format!("\n@{line}\n").as_bytes())
        .unwrap();
}

/// Says each thing before it is taken away, and after it is there, until it is killed.
fn work_until_killed(dir: &Path, round: u64) {
    let opened = open(dir, round);
    let first = round * 1000;
    thread::scope(|scope| {
        for thread in 0..2 {
            let acme = opened.acme();
            scope.spawn(move || {
                for number in first.. {
                    let label = format!("{thread}-{}", number % 4);
                    say(&format!("forget {label}"));
                    run(acme.forget(&label)).unwrap();
                    run(async {
                        let session = acme.session().await.unwrap();
                        for content in contents(number) {
                            session.put(content).await.unwrap();
                        }
                        session.commit(&label, Keep::Pinned("test")).await.unwrap();
                    });
                    say(&format!("commit {label} {number}"));
                }
            });
        }
        scope.spawn(|| {
            let acme = "acme".parse().unwrap();
            for number in first.. {
                let bytes = content(number, upload_size(number));
                run(async {
                    let new = NewUpload::new(SystemTime::now() + Duration::from_secs(3600));
                    let id = opened.uploads.create(&acme, new).await.unwrap().id;
                    for offset in (0..bytes.len()).step_by(bytes.len() / 3 + 1) {
                        let end = (offset + bytes.len() / 3 + 1).min(bytes.len());
                        let part = bytes.slice(offset..end);
                        let offset = offset.try_into().unwrap();
                        opened
                            .uploads
                            .append(&acme, &id, offset, part)
                            .await
                            .unwrap();
                        say(&format!("offset {id} {offset}"));
                    }
                    let digest = Digest::of(&bytes);
                    let finish = opened
                        .uploads
                        .finish(&acme, &id, &digest, Keep::Pinned("test"));
                    finish.await.unwrap();
                    say(&format!("finish {id} {digest}"));
                    // Few stay, so that a round is short.
                    say(&format!("forget {}", upload_label(&id)));
                    opened.acme().forget(&upload_label(&id)).await.unwrap();
                    opened.uploads.abort(&acme, &id).await.unwrap();
                });
            }
        });
        scope.spawn(|| {
            loop {
                let options = SweepOptions::default().with_grace(Duration::ZERO);
                run(opened.depot.sweep(&options)).unwrap();
            }
        });
    });
}

/// What the process that was killed had said.
#[derive(Default)]
struct Told {
    committed: HashMap<String, Vec<Digest>>,
    offsets: HashMap<String, u64>,
    lines: u64,
}

impl Told {
    fn take(&mut self, line: &str) {
        let Some(line) = line.strip_prefix('@') else {
            return;
        };
        self.lines += 1;
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["forget", ..] => drop(self.committed.remove(line.strip_prefix("forget ").unwrap())),
            ["commit", label, number] => {
                let contents = contents(number.parse().unwrap());
                let digests = contents.iter().map(|content| Digest::of(content)).collect();
                self.committed.insert(label.into(), digests);
            }
            ["offset", id, offset] => {
                self.offsets.insert(id.into(), offset.parse().unwrap());
            }
            ["finish", id, digest] => {
                self.offsets.remove(id);
                let digests = vec![digest.parse().unwrap()];
                self.committed
                    .insert(upload_label(&id.parse().unwrap()), digests);
            }
            // Cut off by the end of the process.
            _ => {}
        }
    }

    fn check(&self, opened: &Opened, round: u64) {
        let acme = opened.acme();
        for (label, digests) in &self.committed {
            assert!(run(acme.has(label)).unwrap(), "round {round}: lost {label}");
            for digest in digests {
                let read = run(acme.read(digest, 0..u64::MAX));
                let read = read.unwrap_or_else(|error| panic!("round {round}: {label}: {error}"));
                assert_eq!(Digest::of(&read), *digest);
            }
        }
        let usage = run(acme.usage()).unwrap();
        let (objects, bytes) = opened.counted();
        assert_eq!(usage.objects, objects, "round {round}");
        let parts = usage.stored_bytes - bytes;
        assert!(parts <= 300_000 * usage.uploads, "round {round}: {usage:?}");
    }
}

/// The test starts its own binary with a variable set, which makes it the process to kill. Thirty
/// rounds, or as many as the variable says.
#[test]
fn nothing_committed_is_lost_and_no_quota_drifts_when_the_process_is_killed() {
    if let Some(child) = env::var_os(CHILD) {
        let child = child.into_string().unwrap();
        let (round, dir) = child.split_once(' ').unwrap();
        return work_until_killed(dir.as_ref(), round.parse().unwrap());
    }
    let rounds: u64 = env::var(ROUNDS).map_or(30, |rounds| rounds.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    for round in 0..rounds {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("nothing_committed_is_lost_and_no_quota_drifts_when_the_process_is_killed")
            .env(CHILD, format!("{round} {}", dir.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another length of life each round.
        let life = usize::try_from(6 + round * 7 % 43).unwrap();
        lines
            .by_ref()
            .take(life)
            .for_each(|line| told.take(&line.unwrap()));
        child.kill().unwrap();
        // What it said before it died counts as well.
        lines.for_each(|line| told.take(&line.unwrap_or_default()));
        child.wait().unwrap();

        let opened = open(dir.path(), round);
        told.check(&opened, round);
        let acme = "acme".parse().unwrap();
        for (id, offset) in told.offsets.drain() {
            let status = opened.uploads.status(&acme, &id.parse().unwrap());
            // It may have been finished, and not have said so.
            let status = status.unwrap();
            assert!(
                status.offset >= offset,
                "round {round}: an upload lost bytes"
            );
            run(opened.uploads.abort(&acme, &status.id)).unwrap();
        }
        let options = SweepOptions::default().with_grace(Duration::ZERO);
        run(opened.depot.sweep(&options)).unwrap();
        told.check(&opened, round);
    }
    assert!(told.lines > rounds * 4, "only {} lines", told.lines);
}
