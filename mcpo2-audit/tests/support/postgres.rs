//! A private PostgreSQL, from the binaries that are installed.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long it may take to start.
const LONG: Duration = Duration::from_secs(120);

/// A server of its own, which nobody else reaches: it ends with the test.
pub(crate) struct Postgres {
    dir: TempDir,
    child: Option<Child>,
    settings: Vec<String>,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let mut server = Self::initialize();
        server.settings.push("listen_addresses=".into());
        server.restart();
        server
    }

    /// One that listens on TCP at this address, and has a certificate.
    pub(crate) fn start_with_tls(at: SocketAddr, certificate: &str, key: &str) -> Self {
        let mut server = Self::initialize();
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = server.dir.path().join("data").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, user(), None).unwrap();
        }
        let host = format!("listen_addresses={}", at.ip());
        let port = format!("port={}", at.port());
        server.settings.extend([host, port, "ssl=on".into()]);
        server.restart();
        server
    }

    fn initialize() -> Self {
        // A short path, since that of a socket must be.
        let dir = tempfile::Builder::new()
            .prefix("pg")
            .tempdir_in("/tmp")
            .unwrap();
        if let Some(user) = user() {
            chown(dir.path(), Some(user), None).unwrap();
        }
        let mut initdb = command("initdb");
        initdb.args([
            "-A",
            "trust",
            "-U",
            "mcpo2",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        let made = initdb.arg(dir.path().join("data")).output().unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        Self {
            dir,
            child: None,
            settings: vec!["fsync=off".into()],
        }
    }

    pub(crate) fn url(&self) -> String {
        let socket = self.dir.path().to_str().unwrap();
        format!("host={socket} user=mcpo2 dbname=postgres")
    }

    /// Kills it, as a machine that fails would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again, and waits until it takes connections.
    pub(crate) fn restart(&mut self) {
        // Until those that the killed one had started are gone, it refuses to start.
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            if let Some(child) = run(self.dir.path(), &self.settings) {
                self.child = Some(child);
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The server, once it takes connections; none where it ends before that.
fn run(dir: &Path, settings: &[String]) -> Option<Child> {
    let mut server = command("postgres");
    server.arg("-D").arg(dir.join("data")).arg("-k").arg(dir);
    for setting in settings {
        server.arg("-c").arg(setting);
    }
    let mut child = server.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = |line: std::io::Result<String>| line.unwrap().contains("ready to accept");
    if lines.any(ready) {
        thread::spawn(move || lines.for_each(drop));
        return Some(child);
    }
    child.wait().unwrap();
    None
}

/// The command, as somebody else where root would start it: PostgreSQL refuses that.
fn command(name: &str) -> Command {
    let program = binary(name);
    let Some(user) = user() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command.args(["--clear-groups", "--pdeathsig", "KILL"]);
    command.arg(format!("--reuid={user}")).arg("--regid=65534");
    command.arg(program).current_dir("/tmp");
    command
}

/// Nobody, where we are root.
fn user() -> Option<u32> {
    let own = fs::metadata("/proc/self").unwrap().uid();
    (own == 0).then_some(65534)
}

/// From the path, or from where Debian puts it. It is not skipped where it is missing.
fn binary(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = env::split_paths(&path).collect();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    places.extend(debian.map(|version| version.unwrap().path().join("bin")));
    let found = places
        .into_iter()
        .map(|dir| dir.join(name))
        .find(|it| it.is_file());
    found.unwrap_or_else(|| panic!("these tests need PostgreSQL: there is no `{name}`"))
}
