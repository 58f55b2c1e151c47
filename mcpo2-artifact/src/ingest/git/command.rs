use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::super::{Error, ErrorKind};

/// The longest line of a list of a tree: a path of git may be longer than one of ours.
const MAX_ENTRY: u64 = 64 * 1024;

/// A repository on this machine.
pub(super) struct Repository(PathBuf);

/// A process that ends when it is dropped.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Repository {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The name of the tree of a revision.
    pub(super) fn tree(&self, revision: &str) -> Result<String, Error> {
        let name = format!("{revision}^{{tree}}");
        let mut command = self.command(["rev-parse", "--verify", "--end-of-options"]);
        let output = command
            .arg(name)
            .stdin(Stdio::null())
            .output()
            .map_err(no_git)?;
        let tree = String::from_utf8(output.stdout).unwrap_or_default();
        let tree = tree.trim_end();
        let is_name = !tree.is_empty() && tree.bytes().all(|b| b.is_ascii_hexdigit());
        if output.status.success() && is_name {
            return Ok(tree.to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned();
        let message = "there is no such repository or revision";
        Err(Error::new(ErrorKind::NotFound, message).with_source(said))
    }

    /// Gives each entry of a tree and of those in it.
    pub(super) fn each_entry(
        &self,
        tree: &str,
        each: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut command = self.command(["ls-tree", "-r", "-z", "--full-tree"]);
        let mut list = Self::start(command.arg(tree))?;
        let output = list.0.stdout.take().ok_or_else(unexpected)?;
        let mut output = BufReader::new(output);
        let mut entry = Vec::new();
        loop {
            entry.clear();
            (&mut output).take(MAX_ENTRY).read_until(0, &mut entry)?;
            match entry.pop() {
                Some(0) => each(&entry)?,
                Some(_) => return Err(unexpected()),
                None => break,
            }
        }
        let ended = list.0.wait()?;
        ended.success().then_some(()).ok_or_else(unexpected)
    }

    /// Starts a process that is asked for objects by name.
    pub(super) fn objects(&self) -> Result<Process, Error> {
        Self::start(&mut self.command(["cat-file", "--batch"]))
    }

    fn start(command: &mut Command) -> Result<Process, Error> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
            .stderr(Stdio::null())
            .spawn()
            .map(Process)
            .map_err(no_git)
    }

    // What the environment says of another repository does not count, nor does what a repository
    // says of objects that stand for others or are elsewhere.
    fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = Command::new("git");
        let is_of_git = |name: &OsStr| name.as_encoded_bytes().starts_with(b"GIT_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_git(name)) {
            command.env_remove(name);
        }
        command
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1");
        command
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C");
        command.arg("-C").arg(&self.0).args(arguments);
        command
    }
}

fn no_git(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "git cannot be run").with_source(error)
}

pub(super) fn unexpected() -> Error {
    Error::new(ErrorKind::Malformed, "git answers what it should not")
}
