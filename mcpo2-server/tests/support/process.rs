//! The `mcpo2` binary, and a child process that answers in the vendor's bytes.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use mcpo2_testkit::raw::{
    Answer, Canned, serve_stdio,
    vendor::{self, Era},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use super::soon;

/// A command that answers line by line in the vendor's bytes, and copies what it gets to `log`.
///
/// It is this very test program, so nothing else has to be built first: it runs the test
/// `raw_child_answers` alone, which speaks through a descriptor that the test harness knows nothing of.
///
/// It also starts a process of its own that would never end; the id of that stands in `log` with
/// `.pid` behind.
pub fn raw_child(log: &Path) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let script = r#"sleep 1000 >/dev/null 2>&1 & echo $! >"$1.pid"; RAW_LOG="$1" exec "$0" --exact support::process::raw_child_answers --nocapture 3>&1 1>/dev/null"#;
    ["sh", "-c", script]
        .map(str::to_owned)
        .into_iter()
        .chain([path(&program), path(log)])
        .collect()
}

/// The child process itself, and where it is not one, a look at what it says.
#[test]
fn raw_child_answers() {
    let opening = vendor::result(Era::Legacy, "initialize").unwrap();
    let canned = Canned::vendor(Era::Modern)
        .with("initialize", Answer::result(&opening))
        .with("ping", Answer::result("{}"));
    let Some(log) = std::env::var_os("RAW_LOG") else {
        let asked = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\n".as_slice();
        let (mut said, mut heard) = (Vec::new(), Vec::new());
        serve_stdio(&canned, asked, &mut said, &mut heard).unwrap();
        assert_eq!(heard, asked);
        assert!(String::from_utf8(said).unwrap().contains(&*opening));
        return;
    };
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    let output = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/fd/3")
        .unwrap();
    serve_stdio(&canned, std::io::stdin().lock(), output, log).unwrap();
}

pub fn path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A running `mcpo2`. It is killed when this is dropped.
pub struct Mcpo2 {
    child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: Lines<BufReader<ChildStdout>>,
    stderr: Option<BufReader<ChildStderr>>,
    /// What is read of standard error until its end.
    rest: Option<JoinHandle<String>>,
    /// What it said on standard error so far, as far as it was read.
    pub said: String,
}

impl Mcpo2 {
    pub fn run(arguments: &[&str]) -> Self {
        Self::start(
            Command::new(env!("CARGO_BIN_EXE_mcpo2"))
                .args(arguments)
                .stdin(Stdio::piped())
                .env_remove("RUST_LOG"),
        )
    }

    /// The same, and it logs all that it has to say.
    pub fn run_verbose(arguments: &[&str]) -> Self {
        Self::start(
            Command::new(env!("CARGO_BIN_EXE_mcpo2"))
                .args(arguments)
                .stdin(Stdio::piped())
                .env("RUST_LOG", "trace"),
        )
    }

    /// The same, with so many file descriptors.
    pub fn run_with_descriptors(most: usize, arguments: &[&str]) -> Self {
        Self::start(
            Command::new("prlimit")
                .arg(format!("--nofile={most}"))
                .arg(env!("CARGO_BIN_EXE_mcpo2"))
                .args(arguments)
                .stdin(Stdio::piped())
                .env_remove("RUST_LOG"),
        )
    }

    /// As this command says, which runs it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = child.stderr.take().map(BufReader::new);
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            rest: None,
            said: String::new(),
        }
    }

    /// The address, once it listens.
    pub async fn address(&mut self) -> std::net::SocketAddr {
        let stderr = self.stderr.as_mut().unwrap();
        loop {
            let mut line = String::new();
            let read = soon("a line on standard error", stderr.read_line(&mut line)).await;
            assert_ne!(read.unwrap(), 0, "it ended: {}", self.said);
            self.said.push_str(&line);
            if let Some((_, rest)) = line
                .split_once(" listens on http://")
                .or_else(|| line.split_once(" listens on https://"))
            {
                return rest.split('/').next().unwrap().trim().parse().unwrap();
            }
        }
    }

    /// Waits until it says this on standard error.
    pub async fn says(&mut self, wanted: &str) {
        let stderr = self.stderr.as_mut().unwrap();
        loop {
            let mut line = String::new();
            let read = soon(wanted, stderr.read_line(&mut line)).await;
            assert_ne!(read.unwrap(), 0, "it ended: {}", self.said);
            self.said.push_str(&line);
            if line.contains(wanted) {
                return;
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill")
            .args([format!("-{name}"), self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Writes one line to its standard input.
    pub async fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).await.unwrap();
        stdin.write_all(b"\n").await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// The next line of its standard output.
    pub async fn hear(&mut self) -> String {
        let line = soon("a line on standard output", self.stdout.next_line()).await;
        line.unwrap().unwrap_or_else(|| panic!("it ended"))
    }

    /// Reads standard error from now on, for what logs more than a pipe holds; [`ended`](Self::ended)
    /// gives it.
    pub fn read_on(&mut self) {
        let Some(mut stderr) = self.stderr.take() else {
            return;
        };
        self.rest = Some(tokio::spawn(async move {
            let mut said = String::new();
            let _ = stderr.read_to_string(&mut said).await;
            said
        }));
    }

    /// Its status, once it has ended, and all that it said on standard error.
    pub async fn ended(mut self) -> (ExitStatus, String) {
        self.read_on();
        let status = soon("the end of the process", self.child.wait())
            .await
            .unwrap();
        let rest = self.rest.take().unwrap();
        let rest = soon("the end of standard error", rest).await.unwrap();
        (status, self.said + &rest)
    }
}

/// Runs `mcpo2` to its end: its status, standard output and standard error.
pub async fn mcpo2(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo2"));
    command.args(arguments).kill_on_drop(true);
    let output = soon("the end of the command", command.output())
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The process that never ends, of the child with this log.
pub fn grandchild(log: &Path) -> u32 {
    let pid = std::fs::read_to_string(format!("{}.pid", log.display())).unwrap();
    pid.trim().parse().unwrap()
}

/// Whether a process of this id is there, and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z'))
}
