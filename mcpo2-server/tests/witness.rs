//! Logs and witnesses as processes of their own, over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ed25519_dalek::{Signer as _, SigningKey};
use mcpo2_server::witness::{Round, WitnessConfig, WitnessTask, WitnessedLedger};
use mcpo2_verify::{
    Frontier, Hash, Hashes,
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::VerifierKey,
    leaf_hash, node_hash,
    note::{Note, assemble, sign_note},
    prove_consistency,
    rotation::Rotation,
    trust::Trust,
    witness::origin_hash,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use self::support::{
    process::{Mcpo2, path},
    soon, until,
};

/// A ledger of which only the tree is there.
struct Log {
    keys: Vec<SigningKey>,
    origin: &'static str,
    rotations: Mutex<Vec<Note>>,
    leaves: Vec<Hash>,
    size: AtomicU64,
    published: Mutex<Option<SignedCheckpoint>>,
}

impl Log {
    fn new(origin: &'static str, seed: u8) -> Self {
        Self {
            keys: [seed, seed + 1]
                .map(|seed| SigningKey::from_bytes(&[seed; 32]))
                .into(),
            origin,
            rotations: Mutex::default(),
            leaves: (0..64_u8).map(|entry| leaf_hash(&[entry])).collect(),
            size: AtomicU64::new(0),
            published: Mutex::default(),
        }
    }

    fn forked(mut self) -> Self {
        self.leaves[0] = leaf_hash(b"fork");
        self
    }

    fn grown(self, size: u64) -> Self {
        self.size.store(size, Ordering::Relaxed);
        self
    }

    fn key(&self, epoch: usize) -> VerifierKey {
        let public = self.keys[epoch].verifying_key();
        VerifierKey::new(self.origin.parse().unwrap(), public.as_bytes()).unwrap()
    }

    fn sign(&self, epoch: usize, text: &str) -> Note {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.keys[epoch].sign(message).to_bytes());
        let key = self.key(epoch);
        let line = sign_note(text, key.name(), key.id(), sign).unwrap();
        Note::parse(assemble(text, &[line]).as_bytes()).unwrap()
    }

    /// Lets the first key go at the size that it has now.
    fn rotate(&self) {
        let size = self.size.load(Ordering::Relaxed);
        let rotation = Rotation::new(1, size, self.key(1)).unwrap();
        let note = self.sign(0, &rotation.text());
        self.rotations.lock().unwrap().push(note);
    }

    fn published(&self) -> Option<SignedCheckpoint> {
        self.published.lock().unwrap().clone()
    }
}

impl Hashes for Log {
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash> {
        match level {
            0 => Ok(self.leaves[usize::try_from(index).unwrap()]),
            _ => Ok(node_hash(
                &self.hash(level - 1, index * 2)?,
                &self.hash(level - 1, index * 2 + 1)?,
            )),
        }
    }
}

impl WitnessedLedger for Log {
    fn checkpoint(&self) -> Option<SignedCheckpoint> {
        let size = self.size.load(Ordering::Relaxed);
        let mut frontier = Frontier::new();
        let leaves = self.leaves.iter().take(usize::try_from(size).unwrap());
        leaves.for_each(|leaf| frontier.push(*leaf));
        let checkpoint = Checkpoint::new(&self.origin.parse().unwrap(), size, frontier.root());
        let epoch = self.rotations.lock().unwrap().iter().any(|note| {
            let rotation = Rotation::parse(note.text()).unwrap();
            rotation.size() < size
        });
        let note = self.sign(usize::from(epoch), &checkpoint.text());
        (size > 0).then(|| note.try_into().unwrap())
    }

    fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>> {
        prove_consistency(self, old, new)
    }

    fn rotations(&self) -> io::Result<Vec<Note>> {
        Ok(self.rotations.lock().unwrap().clone())
    }

    fn store_cosigned(&self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        *self.published.lock().unwrap() = Some(checkpoint.clone());
        Ok(())
    }
}

/// A witness as a process, with its key and its state in a directory.
struct Process {
    key: VerifierKey,
    address: SocketAddr,
    mcpo2: Mcpo2,
}

impl Process {
    /// Makes its key, which says how it is verified.
    async fn new_key(dir: &Path, name: &str) -> VerifierKey {
        let file = path(&dir.join("key"));
        let mut made = Mcpo2::run(&["audit", "witness", "--key", &file, "--new-key", name]);
        let key = made.hear().await.parse().unwrap();
        assert!(made.ended().await.0.success());
        key
    }

    async fn start(dir: &Path, listen: &str, logs: &[VerifierKey]) -> Self {
        let (file, state) = (path(&dir.join("key")), path(&dir.join("state")));
        let logs: Vec<String> = logs.iter().map(ToString::to_string).collect();
        let mut arguments = vec!["audit", "witness", "--listen", listen];
        arguments.extend(["--key", &file, "--state", &state]);
        arguments.extend(logs.iter().flat_map(|log| ["--log", log]));
        let mut mcpo2 = Mcpo2::run(&arguments);
        let key = mcpo2.hear().await.parse().unwrap();
        let address = mcpo2.address().await;
        Self {
            key,
            address,
            mcpo2,
        }
    }

    async fn stop(self) {
        self.mcpo2.signal("TERM");
        assert!(self.mcpo2.ended().await.0.success());
    }
}

async fn witness(dir: &TempDir, name: &str, logs: &[VerifierKey]) -> Process {
    let key = Process::new_key(dir.path(), name).await;
    let process = Process::start(dir.path(), "127.0.0.1:0", logs).await;
    assert_eq!(process.key, key);
    process
}

/// Asks these witnesses, and needs all of them.
fn task(log: &Arc<Log>, witnesses: &[&Process]) -> WitnessTask<Log> {
    let addresses = witnesses
        .iter()
        .map(|witness| (&witness.key, witness.address));
    let trust = trust(&log.key(0), &addresses.collect::<Vec<_>>());
    let config = WitnessConfig::new(trust);
    WitnessTask::new(config, Arc::clone(log), log.published().as_ref()).unwrap()
}

fn trust(log: &VerifierKey, witnesses: &[(&VerifierKey, SocketAddr)]) -> Trust {
    let mut policy = format!("log {log}\n");
    let mut names = String::new();
    for (index, (key, address)) in witnesses.iter().enumerate() {
        policy += &format!("witness w{index} {key} http://{address}/\n");
        names += &format!(" w{index}");
    }
    policy += &format!("group all all{names}\nquorum all\n");
    Trust::parse(policy.as_bytes()).unwrap()
}

#[tokio::test]
async fn two_witnesses_sign_what_a_log_says_of_itself() {
    let log = Arc::new(Log::new("a.example/log", 1).grown(5));
    let dirs = [0, 1].map(|_| TempDir::new().unwrap());
    let one = witness(&dirs[0], "w1.example", &[log.key(0)]).await;
    let two = witness(&dirs[1], "w2.example", &[log.key(0)]).await;
    let task = task(&log, &[&one, &two]);
    for size in [5, 5, 9, 64] {
        log.size.store(size, Ordering::Relaxed);
        assert_eq!(task.round().await, Round::Published);
        let published = log.published().unwrap();
        assert_eq!(published.checkpoint().size(), size);
        let trust = trust(
            &log.key(0),
            &[(&one.key, one.address), (&two.key, two.address)],
        );
        let believed = trust.verify(&published, &[]).unwrap();
        assert_eq!(believed.cosigners().len(), 2);
    }
    assert!(task.status().within(Duration::from_secs(60)));
    assert!(!task.status().is_alarmed());

    // One of two is not enough, and the log goes on.
    two.stop().await;
    assert_eq!(task.round().await, Round::Missed);
    one.stop().await;
}

#[tokio::test]
async fn log_that_goes_back_or_says_something_else_is_not_signed_and_is_told() {
    let log = Arc::new(Log::new("a.example/log", 1).grown(9));
    let dir = TempDir::new().unwrap();
    let first = witness(&dir, "w1.example", &[log.key(0)]).await;
    assert_eq!(task(&log, &[&first]).round().await, Round::Published);
    first.stop().await;

    // What was signed is still known after a restart.
    let again = Process::start(dir.path(), "127.0.0.1:0", &[log.key(0)]).await;
    let back = Arc::new(Log::new("a.example/log", 1).grown(5));
    let fork = Arc::new(Log::new("a.example/log", 1).forked().grown(12));
    for wrong in [back, fork] {
        let task = task(&wrong, &[&again]);
        assert_eq!(task.round().await, Round::Missed);
        assert!(task.status().is_alarmed());
        assert!(wrong.published().is_none());
    }
    let task = task(&log, &[&again]);
    log.size.store(12, Ordering::Relaxed);
    assert_eq!(task.round().await, Round::Published);
    again.stop().await;
}

#[tokio::test]
async fn two_logs_witness_each_other_and_follow_their_keys() {
    let a = Arc::new(Log::new("a.example/log", 1).grown(5));
    let b = Arc::new(Log::new("b.example/log", 11).grown(7));
    let dirs = [0, 1].map(|_| TempDir::new().unwrap());
    let of_a = witness(&dirs[0], "a.example/witness", &[b.key(0)]).await;
    let of_b = witness(&dirs[1], "b.example/witness", &[a.key(0)]).await;
    let (task_a, task_b) = (task(&a, &[&of_b]), task(&b, &[&of_a]));
    assert_eq!(task_a.round().await, Round::Published);
    assert_eq!(task_b.round().await, Round::Published);

    a.rotate();
    a.size.store(9, Ordering::Relaxed);
    assert_eq!(task_a.round().await, Round::Published);
    let published = a.published().unwrap();
    assert!(published.verify(&a.key(1)).is_ok());
    let trust = trust(&a.key(0), &[(&of_b.key, of_b.address)]);
    let rotations = a.rotations().unwrap();
    assert!(trust.verify(&published, &rotations).is_ok());

    // A witness of the one log knows nothing of the other.
    assert_eq!(task(&a, &[&of_a]).round().await, Round::Missed);
    of_a.stop().await;
    of_b.stop().await;
}

/// The status and all the rest of an answer.
async fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = soon("an answer", stream.read_to_string(&mut answer)).await;
    read.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[tokio::test]
async fn witness_answers_as_the_protocol_says() {
    let log = Arc::new(Log::new("a.example/log", 1).grown(5));
    let dir = TempDir::new().unwrap();
    let witness = witness(&dir, "w1.example", &[log.key(0)]).await;
    let at = witness.address;
    let newest = format!("/{}/checkpoint", origin_hash("a.example/log"));
    assert_eq!(ask(at, "GET", &newest, "").await.0, 404);
    assert_eq!(task(&log, &[&witness]).round().await, Round::Published);
    let (status, answer) = ask(at, "GET", &newest, "").await;
    assert_eq!(status, 200);
    let (_, note) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(note, log.published().unwrap().to_string());

    let again = format!("old 0\n\n{}", log.checkpoint().unwrap());
    let (status, answer) = ask(at, "POST", "/add-checkpoint", &again).await;
    assert_eq!(status, 409);
    assert!(answer.contains("content-type: text/x.tlog.size\r\n"));
    assert!(answer.ends_with("\r\n\r\n5\n"));

    let stranger = Log::new("b.example/log", 1).grown(5);
    let stranger = format!("old 0\n\n{}", stranger.checkpoint().unwrap());
    let thief = Log::new("a.example/log", 9).grown(5);
    let thief = format!("old 5\n\n{}", thief.checkpoint().unwrap());
    for (method, path, body, status) in [
        ("POST", "/add-checkpoint", &*stranger, 404),
        ("POST", "/add-checkpoint", &thief, 403),
        ("POST", "/add-checkpoint", "old 5\n", 400),
        ("POST", "/add-rotation", "none\n", 400),
        ("GET", "/add-checkpoint", "", 405),
        ("POST", &newest, "", 404),
        ("GET", "/", "", 404),
    ] {
        assert_eq!(
            ask(at, method, path, body).await.0,
            status,
            "{method} {path}"
        );
    }
    witness.stop().await;
}

#[tokio::test]
async fn task_goes_on_by_itself_until_it_is_stopped() {
    let log = Arc::new(Log::new("a.example/log", 1));
    let dir = TempDir::new().unwrap();
    let witness = witness(&dir, "w1.example", &[log.key(0)]).await;
    let trust = trust(&log.key(0), &[(&witness.key, witness.address)]);
    let mut config = WitnessConfig::new(trust);
    config.interval = Duration::from_millis(10);
    let task = WitnessTask::new(config, Arc::clone(&log), None).unwrap();
    let (status, closing) = (task.status(), CancellationToken::new());
    let running = tokio::spawn(task.run(closing.clone()));
    for size in [3, 8] {
        log.size.store(size, Ordering::Relaxed);
        let signed = |published: &SignedCheckpoint| published.checkpoint().size() == size;
        until("it is published", || log.published().filter(signed)).await;
    }
    assert_eq!(status.standings()[0].1.size(), 8);
    closing.cancel();
    soon("the end of the task", running).await.unwrap();
    witness.stop().await;
}

#[tokio::test]
async fn key_is_for_its_owner_and_is_never_written_over() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = TempDir::new().unwrap();
    Process::new_key(dir.path(), "w1.example").await;
    let file = dir.path().join("key");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = std::fs::read(&file).unwrap();
    let key = path(&file);
    let again = Mcpo2::run(&["audit", "witness", "--key", &key, "--new-key", "w2.example"]);
    assert!(!again.ended().await.0.success());
    assert_eq!(std::fs::read(&file).unwrap(), secret);

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let state = path(&dir.path().join("state"));
    let log = Log::new("a.example/log", 1).key(0).to_string();
    let readable = Mcpo2::run(&[
        "audit",
        "witness",
        "--key",
        &key,
        "--state",
        &state,
        "--log",
        &log,
        "--listen",
        "127.0.0.1:0",
    ]);
    let (status, said) = readable.ended().await;
    assert!(!status.success() && said.contains("chmod 600"), "{said}");
}
