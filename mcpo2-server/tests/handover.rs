//! One process ends and another goes on: signals, replicas, sockets that change hands, and a
//! ledger of an older version.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    net::SocketAddr,
    os::fd::OwnedFd,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use mcpo2_audit::{Event, Outcome, Record};
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinHandle,
};

use self::support::{
    PATIENT, calls,
    client::{
        self, Answer, KeepAlive, Streaming, bare, in_session, listen, modern, plain, stateless,
    },
    process::{Mcpo2, mcpo2, path},
    soon, until, vendor as upstream,
};

fn file(dir: &Path, upstream: &RawUpstream, http: &str) -> String {
    let file = dir.join("mcpo2.yaml");
    let text = format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nhttp: {{ {http} }}\nmodules:\n  \
         - {{ id: one, family: general, approval: approved, http: {{ url: \"{}\" }} }}\n\
         policy: {{ rules: [{{ id: all, effect: allow, modules: [one] }}] }}\n{PATIENT}",
        upstream.url()
    );
    std::fs::write(&file, text).unwrap();
    path(&file)
}

fn records(dir: &Path) -> Vec<Record> {
    mcpo2_audit::verify(dir).unwrap();
    let entries = mcpo2_audit::calls(dir).unwrap();
    entries.map(|entry| entry.unwrap().record).collect()
}

fn starts(records: &[Record]) -> usize {
    let is_start = |record: &&Record| matches!(record.event, Event::ServerStart(_));
    records.iter().filter(is_start).count()
}

async fn probe(address: SocketAddr, path: &str) -> Option<StatusCode> {
    let mut connection = KeepAlive::try_open(address).await.ok()?;
    let ask = bare(address, "").method(Method::GET).path(path);
    Some(connection.ask(ask).await.ok()?.status)
}

fn call() -> String {
    stateless("1", "tools/call", r#""name":"one__vendor_call""#)
}

/// Clients that keep their connections and ask again and again; what they ask may be asked twice.
struct Crowd {
    done: Arc<AtomicBool>,
    heard: Arc<Heard>,
    clients: Vec<JoinHandle<()>>,
}

/// What became of the calls of a crowd.
#[derive(Debug, Default)]
struct Heard {
    answered: AtomicUsize,
    /// Told to come again.
    refused: AtomicUsize,
    /// Neither: the connection ended.
    unanswered: AtomicUsize,
}

impl Heard {
    fn counts(&self) -> [usize; 3] {
        [&self.answered, &self.refused, &self.unanswered].map(|count| count.load(Ordering::Relaxed))
    }

    /// What came of one call: whether it has to be asked again. Nothing but an answer or a refusal
    /// that says when to come again is heard.
    fn note(&self, told: Option<&Answer>) -> bool {
        let count = match told {
            Some(answer) if answer.status == StatusCode::OK => {
                assert!(answer.json()["result"].is_object(), "{}", answer.text());
                &self.answered
            }
            Some(refusal) => {
                let said = (
                    refusal.status,
                    refusal.code(),
                    refusal.header("retry-after"),
                );
                let again = (StatusCode::SERVICE_UNAVAILABLE, Some(-31002), "1");
                assert_eq!(said, again, "{}", refusal.text());
                &self.refused
            }
            None => &self.unanswered,
        };
        count.fetch_add(1, Ordering::Relaxed);
        told.is_none_or(|told| told.status != StatusCode::OK)
    }
}

impl Crowd {
    fn at(address: SocketAddr) -> Self {
        Self::of(address, |kept| kept)
    }

    /// Clients that have a connection for each call.
    fn without_keeping(address: SocketAddr) -> Self {
        Self::of(address, |_| None)
    }

    fn of(address: SocketAddr, keep: fn(Option<KeepAlive>) -> Option<KeepAlive>) -> Self {
        let (done, heard) = <(Arc<AtomicBool>, Arc<Heard>)>::default();
        let clients = (0..4).map(|_| {
            let (done, heard) = (Arc::clone(&done), Arc::clone(&heard));
            tokio::spawn(async move {
                let mut kept = None;
                let mut tries = 0;
                while !done.load(Ordering::Relaxed) {
                    kept = keep(kept);
                    let told = ask(&mut kept, address).await;
                    tries = if heard.note(told.as_ref()) {
                        tries + 1
                    } else {
                        0
                    };
                    assert!(tries < 4, "it stays so");
                }
            })
        });
        let clients = clients.collect();
        Self {
            done,
            heard,
            clients,
        }
    }

    /// Waits until so many more have been answered.
    async fn works(&self, more: usize) {
        let [before, ..] = self.heard.counts();
        let answered = || (self.heard.counts()[0] >= before + more).then_some(());
        until("the answers", answered).await;
        assert!(self.clients.iter().all(|client| !client.is_finished()));
    }

    /// How many calls were answered, how many refused, and how many neither.
    async fn end(self) -> [usize; 3] {
        self.done.store(true, Ordering::Relaxed);
        for client in self.clients {
            soon("the end of a client", client).await.unwrap();
        }
        self.heard.counts()
    }
}

async fn ask(kept: &mut Option<KeepAlive>, address: SocketAddr) -> Option<Answer> {
    if kept.is_none() {
        *kept = Some(KeepAlive::try_open(address).await.ok()?);
    }
    let answer = kept.as_mut()?.ask(modern(address, call())).await;
    if answer
        .as_ref()
        .map_or(true, |answer| answer.header("connection") == "close")
    {
        *kept = None;
    }
    answer.ok()
}

async fn is_ready(replica: SocketAddr) -> bool {
    probe(replica, "/readyz").await == Some(StatusCode::OK)
}

async fn until_ready(replica: SocketAddr) {
    soon("a replica that is ready", async {
        while !is_ready(replica).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Takes connections to one replica and the other in turn.
async fn balancer(replicas: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for turn in 0_usize.. {
            let (client, _) = listener.accept().await.unwrap();
            let [first, second] = replicas;
            tokio::spawn(match turn % 2 {
                0 => pass(client, first, second),
                _ => pass(client, second, first),
            });
        }
    });
    address
}

/// Passes a connection on to this replica, or to the other where this one is not ready. It is asked
/// for each connection, so what is known of it is never older than that.
async fn pass(mut client: TcpStream, replica: SocketAddr, other: SocketAddr) {
    let (first, second) = match is_ready(replica).await {
        true => (replica, other),
        false => (other, replica),
    };
    // One that does not take the connection has not taken the call.
    let connected = match TcpStream::connect(first).await {
        Err(_) => TcpStream::connect(second).await,
        connected => connected,
    };
    if let Ok(mut replica) = connected {
        let _ = copy_bidirectional(&mut client, &mut replica).await;
    }
}

/// An address each time where nobody else binds, so that its port stays free.
fn free() -> SocketAddr {
    static LAST: AtomicU8 = AtomicU8::new(2);
    let address = format!("127.0.0.{}:0", LAST.fetch_add(1, Ordering::Relaxed));
    let listener = std::net::TcpListener::bind(address).unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r06_a_rolling_restart_of_two_replicas_loses_no_call() {
    let upstream = upstream(Era::Modern).await;
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let addresses = [free(), free()];
    let start = |index: usize| {
        let dir = dirs[index].path();
        let file = file(
            dir,
            &upstream,
            "allowed_hosts: [localhost], timeouts: { notice: 3s }",
        );
        Mcpo2::run(&[
            "serve",
            "-f",
            &file,
            "--listen",
            &addresses[index].to_string(),
        ])
    };
    let mut replicas = [start(0), start(1)];
    for replica in &mut replicas {
        replica.address().await;
    }
    for replica in addresses {
        until_ready(replica).await;
    }
    let address = balancer(addresses).await;
    let (crowd, single) = (Crowd::at(address), Crowd::without_keeping(address));
    let works = async || tokio::join!(crowd.works(50), single.works(50));
    works().await;
    for (index, replica) in replicas.iter_mut().enumerate() {
        let old = std::mem::replace(replica, start_nothing());
        old.signal("TERM");
        let (status, said) = old.ended().await;
        assert_eq!(status.code(), Some(0), "{said}");
        works().await;
        *replica = start(index);
        replica.address().await;
        until_ready(addresses[index]).await;
        works().await;
    }
    let (kept, single) = (crowd.end().await, single.end().await);
    // Who may repeat a call has repeated it, and it worked. Who may not has heard of each one: that
    // it was done, or that it was not and when to come again. And whatever was not answered on a
    // connection that ended while it idled was not done either.
    let [_, _, unanswered] = single;
    assert_eq!(unanswered, 0, "a call on a new connection was not answered");
    let answered = kept[0] + single[0];
    assert_eq!(upstream.log().of("tools/call").count(), answered);
    for replica in &replicas {
        replica.signal("TERM");
    }
    for replica in replicas {
        assert!(replica.ended().await.0.success());
    }
    let recorded: Vec<_> = dirs
        .iter()
        .flat_map(|dir| records(&dir.path().join("ledger")))
        .collect();
    assert_eq!(starts(&recorded), 4);
    let ok = calls(recorded)
        .into_iter()
        .filter(|call| call.end.outcome == Outcome::Ok);
    assert_eq!(ok.count(), answered);
}

/// What stands in the place of a replica that has ended.
fn start_nothing() -> Mcpo2 {
    Mcpo2::run(&["schema"])
}

/// How many sockets listen at just this address.
fn listeners(address: SocketAddr) -> usize {
    let SocketAddr::V4(address) = address else {
        panic!("{address} is in another table");
    };
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    // The kernel prints the four bytes as one number of this machine.
    let ip = u32::from_ne_bytes(address.ip().octets());
    let wanted = format!("{ip:08X}:{:04X}", address.port());
    let listens = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(wanted.as_str()) && words.nth(1) == Some("0A")
    };
    table.lines().filter(listens).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_takes_the_port_and_the_ledger_of_another_over() {
    let upstream = upstream(Era::Modern).await;
    let dir = tempfile::tempdir().unwrap();
    let address = free();
    let host = address.ip();
    let http = format!("reuse_port: true, allowed_hosts: [{host}], timeouts: {{ notice: 100ms }}");
    let file = file(dir.path(), &upstream, &http);
    let start = || Mcpo2::run(&["serve", "-f", &file, "--listen", &address.to_string()]);
    let mut old = start();
    assert_eq!(old.address().await, address);
    let crowd = Crowd::at(address);
    for _ in 0..2 {
        crowd.works(50).await;
        let mut new = start();
        until("the other socket", || {
            (listeners(address) == 2).then_some(())
        })
        .await;
        old.signal("TERM");
        let (status, said) = old.ended().await;
        assert_eq!(status.code(), Some(0), "{said}");
        assert_eq!(new.address().await, address);
        old = new;
    }
    crowd.works(50).await;
    crowd.end().await;
    old.signal("TERM");
    assert!(old.ended().await.0.success());
    assert_eq!(starts(&records(&dir.path().join("ledger"))), 3);
}

/// As systemd does it: the socket is there before the process, and stays behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_passed_on_keeps_who_comes_between_two_processes() {
    let upstream = upstream(Era::Modern).await;
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), &upstream, "timeouts: { notice: 100ms }");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let start = || {
        let script = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" serve -f "$1""#;
        let passed = OwnedFd::from(socket.try_clone().unwrap());
        Mcpo2::start(
            Command::new("sh")
                .args(["-c", script, env!("CARGO_BIN_EXE_mcpo2"), &file])
                .stdin(Stdio::from(passed)),
        )
    };
    let mut old = start();
    assert_eq!(old.address().await, address);
    let crowd = Crowd::at(address);
    for _ in 0..2 {
        crowd.works(50).await;
        old.signal("TERM");
        let (status, said) = old.ended().await;
        assert_eq!(status.code(), Some(0), "{said}");
        // Nobody is there now, and nobody is refused.
        TcpStream::connect(address).await.unwrap();
        old = start();
        assert_eq!(old.address().await, address);
    }
    crowd.works(50).await;
    crowd.end().await;
    old.signal("TERM");
    assert!(old.ended().await.0.success());
    assert_eq!(starts(&records(&dir.path().join("ledger"))), 3);
}

/// A process that was told to end, with a stream and a call open.
struct Leaving {
    mcpo2: Mcpo2,
    address: SocketAddr,
    session: String,
    stream: Streaming,
    running: Streaming,
    upstream: RawUpstream,
    dir: TempDir,
}

impl Leaving {
    /// It gives notice, which is known.
    async fn begin(timeouts: &str) -> Self {
        let upstream = upstream(Era::Legacy).await;
        let dir = tempfile::tempdir().unwrap();
        let file = file(dir.path(), &upstream, timeouts);
        let mut mcpo2 = Mcpo2::run(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]);
        let address = mcpo2.address().await;
        let session = client::begin(address, "{}").await;
        let stream = listen(address, &session).open().await;
        let hang = plain("7", "tools/call", r#""name":"one__vendor_hang""#);
        let running = in_session(address, &session, hang).open().await;
        mcpo2.signal("TERM");
        soon("the notice", async {
            while probe(address, "/readyz").await != Some(StatusCode::SERVICE_UNAVAILABLE) {}
        })
        .await;
        Self {
            mcpo2,
            address,
            session,
            stream,
            running,
            upstream,
            dir,
        }
    }

    /// It ends as it should; how its calls of tools ended.
    async fn ended(self) -> Vec<Outcome> {
        let (status, said) = self.mcpo2.ended().await;
        assert_eq!(status.code(), Some(0), "{said}");
        let records = records(&self.dir.path().join("ledger"));
        let last = &records.last().unwrap().event;
        assert!(matches!(last, Event::ServerStop(_)), "{last:?}");
        let calls = calls(records).into_iter();
        let calls = calls.filter(|call| &*call.request.method == "tools/call");
        calls.map(|call| call.end.outcome).collect()
    }
}

#[tokio::test]
async fn r04_a_signal_gives_notice_then_ends_streams_and_lets_calls_finish() {
    let mut leaving = Leaving::begin("timeouts: { notice: 15s }").await;
    // Who balances the load knows now; who has not heard is still served, and sent away after.
    let late = plain("8", "tools/call", r#""name":"one__vendor_call""#);
    let late = in_session(leaving.address, &leaving.session, late);
    let late = late.answer().await;
    assert!(late.json()["result"].is_object(), "{}", late.text());
    assert_eq!(late.header("connection"), "close");
    while leaving.stream.event().await.is_some() {}
    let answer = r#"{"jsonrpc":"2.0","id":"$id","result":{"content":[]}}"#;
    leaving.upstream.emit(answer);
    let answer = leaving.running.message(|message| message["id"] == 7).await;
    assert!(answer["result"].is_object(), "{answer}");
    assert_eq!(leaving.ended().await, [Outcome::Ok, Outcome::Ok]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r05_a_second_signal_ends_it_at_once_and_the_ledger_is_whole() {
    for second in ["INT", "TERM"] {
        let mut leaving = Leaving::begin("timeouts: { notice: 1h, drain: 1h }").await;
        leaving.mcpo2.signal(second);
        while leaving.stream.event().await.is_some() {}
        while leaving.running.event().await.is_some() {}
        let [cut] = &*leaving.ended().await else {
            panic!("one call of a tool began");
        };
        assert_ne!(*cut, Outcome::Ok);
    }
}

#[tokio::test]
async fn r07_a_ledger_of_the_form_before_segments_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("ledger/00000000.jsonl");
    std::fs::create_dir(dir.path().join("ledger")).unwrap();
    std::fs::write(&old, "{}\n").unwrap();
    let upstream = upstream(Era::Modern).await;
    let file = file(dir.path(), &upstream, "");
    let (code, _, said) = mcpo2(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("of an older form"), "{said}");
    let left: Vec<_> = std::fs::read_dir(dir.path().join("ledger"))
        .unwrap()
        .collect();
    assert!(left.len() <= 2, "{left:?}");
}

#[tokio::test]
async fn r07_a_ledger_of_a_newer_version_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("ledger");
    let written = mcpo2_audit::Ledger::open(&ledger, mcpo2_audit::Options::default()).unwrap();
    let note = mcpo2_audit::Note::new("reload");
    written.append(Event::Admin(note)).unwrap();
    written.close().unwrap();
    // What another test forks has the lock as well, until it is another program.
    let lock = std::fs::File::open(ledger.join("LOCK")).unwrap();
    until("the lock", || lock.try_lock().ok()).await;
    drop(lock);
    // The version in the header of the segment, under a CRC that fits.
    let segment = ledger.join("seg/00000000000000000000.seg");
    let bytes = std::fs::read(&segment).unwrap();
    let frame = mcpo2_verify::read_frame(&bytes).unwrap().unwrap();
    let mut header = frame.payload.to_vec();
    header[8] = 2;
    let mut newer = Vec::new();
    mcpo2_verify::write_frame(&mut newer, frame.kind, frame.seq, &[&header]).unwrap();
    newer.extend_from_slice(&bytes[frame.length()..]);
    std::fs::write(&segment, &newer).unwrap();
    let upstream = upstream(Era::Modern).await;
    let file = file(dir.path(), &upstream, "");
    let (code, _, said) = mcpo2(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another version"), "{said}");
    assert_eq!(std::fs::read(&segment).unwrap(), newer);

    let newer = std::fs::read_to_string(&file)
        .unwrap()
        .replace("version: 1", "version: 2");
    std::fs::write(&file, newer).unwrap();
    let (code, _, said) = mcpo2(&["serve", "-f", &file]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this program reads `version: 1`"), "{said}");
}
