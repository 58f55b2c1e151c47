//! Rows T16 and U13: what a child process cannot do, tried by children that do try.
#![cfg(all(feature = "stdio", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{fs, net::TcpListener, path::Path, time::Duration};

use mcpo2_core::{Body, Error, ErrorKind, Message, ProtocolVersion};
use mcpo2_route::upstream::{
    ClientInfo, ForwardHeaders, Hello, Limits, Upstream,
    stdio::{Command, Confinement, ProcessLimits, Sandbox, StdioUpstream, Support},
};
use serde_json::{Value, json};

/// Runs each method as Python, and answers with what `result` is then.
const MODULE: &str = r#"
import json, os, sys, socket, resource, signal, subprocess, ctypes
def attempt(f):
    try:
        return f()
    except BaseException as e:
        return type(e).__name__ + ": " + str(getattr(e, "errno", e))
for line in sys.stdin:
    message = json.loads(line)
    method, id = message.get("method"), message.get("id")
    if method == "initialize":
        print(json.dumps({"jsonrpc": "2.0", "id": id, "result": {"protocolVersion": "2025-11-25"}}), flush=True)
    elif id is not None:
        scope = {**globals(), "result": None}
        exec(message["params"]["code"], scope)
        print(json.dumps({"jsonrpc": "2.0", "id": id, "result": scope["result"]}), flush=True)
"#;

/// The interpreter itself, which may lie outside of the system's directories, and where it lies.
fn python() -> (String, Vec<std::path::PathBuf>) {
    let show = "import sys; print(sys.executable); print(sys.base_prefix); print(sys.prefix)";
    let output = std::process::Command::new("python3")
        .args(["-c", show])
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut lines = output.lines();
    let program = lines.next().unwrap().to_owned();
    (program, lines.map(Into::into).collect())
}

fn command(sandbox: Sandbox) -> Command {
    Command::new(python().0)
        .args(["-c", MODULE])
        .sandbox(sandbox)
}

fn confined(change: impl FnOnce(&mut Confinement)) -> Sandbox {
    let mut confinement = Confinement::default();
    confinement.read = python().1;
    change(&mut confinement);
    let mut sandbox = Sandbox::default();
    sandbox.confinement = Some(confinement);
    sandbox
}

fn limited(change: impl FnOnce(&mut ProcessLimits)) -> Sandbox {
    let mut sandbox = Sandbox::default();
    change(&mut sandbox.limits);
    sandbox
}

/// Runs these lines of Python in a child, and gives their `result`.
async fn run(command: Command, code: &str) -> Result<Value, Error> {
    let upstream = StdioUpstream::new(command, ClientInfo::default(), Limits::default());
    let params = r#"{"protocolVersion":"2025-11-25"}"#;
    let hello = Hello::new(params, ProtocolVersion::V2025_11_25);
    let link = upstream.open(Some(&hello)).await?;
    let text = json!({ "jsonrpc": "2.0", "id": 1, "method": "run", "params": { "code": code } });
    let Message::Request(request) = Message::parse(text.to_string()).unwrap() else {
        panic!("no request");
    };
    let reply = link.request(&request, &ForwardHeaders::default()).await;
    link.close().await;
    let Body::Complete(bytes) = reply?.into_body() else {
        panic!("not complete");
    };
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    Ok(answer["result"].clone())
}

async fn result(sandbox: Sandbox, code: &str) -> Value {
    run(command(sandbox), code).await.unwrap()
}

/// Whether this kernel can confine. Where it cannot, a module that asks for it must not start.
async fn can_confine(sandbox: &Sandbox) -> bool {
    let support = Support::of_this_kernel();
    let suffices = support.suffices(sandbox.confinement.as_ref().unwrap());
    if !suffices {
        let error = run(command(sandbox.clone()), "").await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Unavailable,
            "it started all the same"
        );
    }
    suffices
}

#[tokio::test]
async fn a_child_has_the_limits_that_it_was_given_and_no_core_dumps() {
    let code = r#"
result = {name: list(resource.getrlimit(getattr(resource, "RLIMIT_" + name)))
          for name in ["CORE", "DATA", "NOFILE", "FSIZE", "CPU"]}
result["privileges"] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")]
result["children"] = subprocess.check_output(["sh", "-c", "ulimit -n; ulimit -c"]).decode().split()
"#;
    let sandbox = limited(|limits| {
        limits.open_files = Some(77);
        limits.cpu_time = Some(Duration::from_secs(1000));
    });
    let result = result(sandbox, code).await;
    let expected = json!({
        "CORE": [0, 0], "DATA": [8_u64 << 30, 8_u64 << 30], "NOFILE": [77, 77],
        "FSIZE": [16_u64 << 30, 16_u64 << 30], "CPU": [1000, 1000],
        "privileges": ["1"], "children": ["77", "0"],
    });
    assert_eq!(result, expected);
    // The gateway itself is as free as it was.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    assert!(status.contains("NoNewPrivs:\t0"));
    assert!(fs::read("/etc/hostname").is_ok() || !Path::new("/etc/hostname").exists());
}

#[tokio::test]
async fn a_child_cannot_open_files_without_end() {
    let code = r#"
files = []
def more():
    while True:
        files.append(open("/dev/null"))
result = [attempt(more), len(files) < 100]
"#;
    let result = result(limited(|limits| limits.open_files = Some(100)), code).await;
    assert_eq!(result, json!(["OSError: 24", true]));
}

#[tokio::test]
async fn a_child_cannot_take_memory_without_end_and_neither_can_its_children() {
    let code = r#"
hog = "x = bytearray(1 << 30)"
result = [attempt(lambda: len(bytearray(1 << 30))), len(bytearray(1 << 20)),
          subprocess.run([sys.executable, "-c", hog], stderr=subprocess.DEVNULL).returncode]
"#;
    let result = result(limited(|limits| limits.memory = Some(256 << 20)), code).await;
    assert_eq!(
        result[0].as_str().unwrap().split(':').next(),
        Some("MemoryError")
    );
    assert_eq!(result[1], 1 << 20);
    assert_ne!(result[2], 0);
}

#[tokio::test]
async fn a_child_cannot_write_a_file_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("big");
    let code = format!(
        r#"
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def write():
    with open({:?}, "wb", buffering=0) as f:
        while True: f.write(bytes(65536))
result = attempt(write)
"#,
        file.display()
    );
    let result = result(limited(|limits| limits.file_size = Some(1 << 20)), &code).await;
    assert_eq!(result, json!("OSError: 27"));
    assert_eq!(fs::metadata(file).unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn a_child_cannot_start_processes_without_end() {
    // Nobody limits root, so it becomes somebody else first.
    let code = r#"
if os.getuid() == 0:
    os.setuid(64999)
pids = []
def more():
    while len(pids) < 200:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        pids.append(pid)
result = [attempt(more), len(pids) < 50]
for pid in pids:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"#;
    let result = result(limited(|limits| limits.processes = Some(50)), code).await;
    assert_eq!(result, json!(["BlockingIOError: 11", true]));
}

#[tokio::test]
async fn a_child_that_computes_without_end_is_killed() {
    let sandbox = limited(|limits| limits.cpu_time = Some(Duration::from_secs(1)));
    let error = run(command(sandbox), "while True: pass").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_limit_above_that_of_the_gateway_is_that_of_the_gateway() {
    let code = "result = resource.getrlimit(resource.RLIMIT_NOFILE)[1]";
    let without = result(limited(|limits| *limits = ProcessLimits::inherited()), code).await;
    let above = limited(|limits| limits.open_files = Some(u64::MAX - 1));
    assert_eq!(result(above, code).await, without);
}

#[tokio::test]
async fn a_confined_child_reads_and_writes_what_is_listed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("read/it", "read"),
        ("write/it", "write"),
        ("secret/it", "secret"),
    ] {
        let path = dir.path().join(name);
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // A way into what may not be read that begins in what may.
    std::os::unix::fs::symlink("../secret/it", dir.path().join("read/link")).unwrap();
    let sandbox = confined(|confinement| {
        confinement.read.push(dir.path().join("read"));
        confinement.write.push(dir.path().join("write"));
    });
    if !can_confine(&sandbox).await {
        return;
    }
    let code = format!(
        r#"
d = {:?}
read = lambda p: attempt(lambda: open(p).read())
write = lambda p: attempt(lambda: open(p, "w").write("x"))
result = {{
    "read": [read(d + p) for p in ["/read/it", "/write/it", "/secret/it", "/read/link", "/read/../secret/it"]],
    "shadow": read("/etc/shadow"),
    "list": [attempt(lambda: os.listdir(p)) for p in ["/", "/etc", d, d + "/secret", os.path.expanduser("~root")]],
    "write": [write(d + p) for p in ["/write/new", "/read/it", "/read/new", "/secret/it", "/secret/new"]],
    "system": [write(p)[-2:] for p in ["/etc/hosts", "/usr/x", "/tmp/mcpo2-x", "/dev/shm/mcpo2-x"]],
    "truncate": attempt(lambda: os.truncate(d + "/secret/it", 0)),
    "move": attempt(lambda: os.rename(d + "/write/it", d + "/read/moved")),
    "link": attempt(lambda: os.link(d + "/secret/it", d + "/write/linked")),
    "delete": attempt(lambda: os.remove(d + "/secret/it")),
    "child": subprocess.run(["cat", d + "/secret/it"], stderr=subprocess.DEVNULL).returncode,
    "session": subprocess.run(["cat", d + "/secret/it"], stderr=subprocess.DEVNULL, start_new_session=True).returncode,
    "null": write("/dev/null"),
}}
"#,
        dir.path().display()
    );
    let result = result(sandbox, &code).await;
    let (denied, denied_bytes) = (json!("PermissionError: 13"), json!("13"));
    assert_eq!(
        result["read"],
        json!(["read", "write", denied, denied, denied])
    );
    assert_eq!(result["shadow"], denied);
    assert_eq!(result["list"], json!(vec![&denied; 5]));
    assert_eq!(result["write"], json!([1, denied, denied, denied, denied]));
    assert_eq!(result["system"], json!(vec![&denied_bytes; 4]));
    for key in ["move", "link"] {
        let said = result[key].as_str().unwrap();
        assert!(
            said.starts_with("PermissionError") || said.ends_with(": 18"),
            "{key}: {said}"
        );
    }
    assert_eq!(result["delete"], denied);
    assert_ne!(result["child"], 0);
    assert_ne!(result["session"], 0);
    assert_eq!(result["null"], 1);
    if Support::of_this_kernel().all {
        assert_eq!(result["truncate"], denied);
        let kept = fs::read_to_string(dir.path().join("secret/it")).unwrap();
        assert_eq!(kept, "secret");
    }
    // Nothing of it holds for the gateway.
    assert!(fs::read_dir("/").unwrap().count() > 0);
    assert!(fs::read(dir.path().join("secret/it")).is_ok());
}

#[tokio::test]
async fn a_confined_child_sees_nothing_of_the_gateway_and_is_nobody_even_as_root() {
    let sandbox = confined(|_| {});
    if !can_confine(&sandbox).await {
        return;
    }
    let code = r#"
gateway = "/proc/%d/" % os.getppid()
result = {
    "environ": attempt(lambda: open(gateway + "environ").read()),
    "memory": attempt(lambda: open(gateway + "mem").read(1)),
    "file": attempt(lambda: open(gateway + "fd/1").read()),
    "name": attempt(lambda: os.readlink(gateway + "fd/1")),
    "root": attempt(lambda: os.listdir(gateway + "root/")),
    "signal": attempt(lambda: os.kill(os.getppid(), 0)),
    "capabilities": [line.split()[1].strip("0") for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))],
}
"#;
    let result = result(sandbox, code).await;
    for key in ["environ", "memory", "file", "name", "root"] {
        let said = result[key].to_string();
        assert!(said.starts_with("\"PermissionError"), "{key}: {said}");
    }
    assert_eq!(result["capabilities"], json!(["", ""]));
    if Support::of_this_kernel().all {
        assert_eq!(result["signal"], json!("PermissionError: 1"));
    }
}

#[tokio::test]
async fn a_confined_child_connects_to_the_ports_that_are_listed_and_listens_at_none() {
    let allowed = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let sandbox = confined(|confinement| confinement.connect = Some(vec![port(&allowed)]));
    if !can_confine(&sandbox).await {
        return;
    }
    let code = format!(
        r#"
connect = lambda port: attempt(lambda: socket.create_connection(("127.0.0.1", port)).close())
result = [connect({}), connect({}), attempt(lambda: socket.create_server(("127.0.0.1", 0)))]
"#,
        port(&allowed),
        port(&other)
    );
    let denied = json!("PermissionError: 13");
    assert_eq!(result(sandbox, &code).await, json!([null, denied, denied]));
}

#[tokio::test]
async fn a_confinement_that_names_what_is_not_there_is_no_confinement_to_start_in() {
    let sandbox = confined(|confinement| confinement.read.push("/does/not/exist".into()));
    let error = run(command(sandbox), "").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.to_string().contains("exist"));
    if Support::of_this_kernel().files {
        assert!(
            error.chain().to_string().contains("/does/not/exist"),
            "{}",
            error.chain()
        );
    }
}

#[tokio::test]
async fn a_program_is_found_in_its_own_path_and_its_file_is_part_of_a_confinement() {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("tool");
    fs::write(&tool, format!("#!/bin/sh\nexec {} -c \"$1\"\n", python().0)).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&tool, mode).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let sandbox = confined(|_| {});
    if !can_confine(&sandbox).await {
        return;
    }
    let start = |program: &str| {
        let command = Command::new(program).args([MODULE]).env("PATH", &path);
        command.cwd(dir.path()).sandbox(sandbox.clone())
    };
    let code = format!(
        "result = attempt(lambda: os.listdir({:?}))",
        dir.path().display()
    );
    let denied = json!("PermissionError: 13");
    assert_eq!(run(start("tool"), &code).await.unwrap(), denied);
    assert_eq!(run(start("./tool"), &code).await.unwrap(), denied);
}
