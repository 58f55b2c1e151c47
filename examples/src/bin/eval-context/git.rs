//! Reads trees and blobs of a bare clone, through one `git cat-file --batch`.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A bare clone that is read from.
pub(crate) struct Clone {
    folder: PathBuf,
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

/// A file of a tree.
pub(crate) struct Blob {
    pub(crate) path: String,
    pub(crate) id: String,
}

impl Clone {
    /// Opens the clone in this folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut child = git(folder)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let gone = || io::Error::other("git has no pipe");
        let ask = child.stdin.take().ok_or_else(gone)?;
        let answer = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        Ok(Self {
            folder: folder.to_owned(),
            child,
            ask,
            answer,
        })
    }

    /// The plain files of a revision's tree; what is not UTF-8 in a path reads as U+FFFD.
    pub(crate) fn tree(&self, revision: &str) -> io::Result<Vec<Blob>> {
        if !revision.bytes().all(|b| b.is_ascii_hexdigit()) || revision.is_empty() {
            return Err(io::Error::other("a base is a commit in hexadecimal digits"));
        }
        let output = git(&self.folder)
            .args(["ls-tree", "-r", "-z", revision])
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other("the clone does not have this base"));
        }
        let lines = output.stdout.split(|b| *b == 0);
        Ok(lines
            .filter_map(|line| blob(&String::from_utf8_lossy(line)))
            .collect())
    }

    /// The bytes of a blob; none where the clone does not have it.
    pub(crate) fn read(&mut self, id: &str) -> io::Result<Option<Vec<u8>>> {
        writeln!(self.ask, "{id}")?;
        self.ask.flush()?;
        let mut head = String::new();
        self.answer.read_line(&mut head)?;
        let mut words = head.split_whitespace().skip(1);
        let (Some("blob"), Some(size)) = (
            words.next(),
            words.next().and_then(|size| size.parse().ok()),
        ) else {
            return Ok(None);
        };
        let mut bytes = vec![0; size];
        self.answer.read_exact(&mut bytes)?;
        self.answer.read_exact(&mut [0])?;
        Ok(Some(bytes))
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        // The child ends with its input; where it is stuck, it is killed. Nothing is to be done if that fails.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `git` in this folder; it asks no remote for what is missing.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("--git-dir")
        .arg(folder)
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    git
}

/// `100644 blob ID<tab>path`; none for links and submodules.
fn blob(line: &str) -> Option<Blob> {
    let (head, path) = line.split_once('\t')?;
    let mut words = head.split(' ');
    let plain = words.next()?.starts_with("100");
    let id = words.nth(1)?;
    plain.then(|| Blob {
        path: path.to_owned(),
        id: id.to_owned(),
    })
}
