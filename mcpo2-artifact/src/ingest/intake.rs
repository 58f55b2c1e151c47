use std::{
    io::{self, Read},
    sync::atomic::{AtomicU64, Ordering},
};

use mcpo2_core::Digest;

use super::{Done, Error, Progress, Rules, Sink, SinkFile, limits::Meter, secret::Scanner};
use crate::manifest::{Content, Entry, Mode, Reason, RelPath, Withheld};

/// How much is read at once.
pub(super) const BUFFER: usize = 256 * 1024;

/// What all files of an ingest share.
pub(super) struct Context<'a> {
    pub(super) rules: &'a Rules,
    pub(super) meter: Meter<'a>,
    pub(super) sink: &'a dyn Sink,
    pub(super) progress: &'a dyn Progress,
    pub(super) files: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What one thread takes, and its buffer.
pub(super) struct Intake<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) entries: Vec<Entry>,
    pub(super) withheld: Vec<Withheld>,
    buffer: Vec<u8>,
}

/// One file before it is read.
pub(super) struct File<'a> {
    pub(super) path: &'a RelPath,
    pub(super) mode: Mode,
    /// Its length, as far as it is known.
    pub(super) size: Option<u64>,
}

/// Why a file was not taken.
pub(super) enum Failure {
    /// It cannot be read, or only in part.
    Read(io::Error),
    /// Nothing can be.
    Fatal(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Read(error) => error.into(),
            Failure::Fatal(error) => error,
        }
    }
}

/// What makes the digest: here, or in a thread beside.
pub(super) trait Hashing {
    /// Takes the first bytes of the buffer, and may give another buffer for it.
    fn update(&mut self, buffer: &mut Vec<u8>, length: usize);
    fn digest(self: Box<Self>) -> Digest;
}

impl Hashing for blake3::Hasher {
    fn update(&mut self, buffer: &mut Vec<u8>, length: usize) {
        self.update(buffer.get(..length).unwrap_or(buffer));
    }

    fn digest(self: Box<Self>) -> Digest {
        self.finalize().into()
    }
}

impl<'a> Intake<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            entries: Vec::new(),
            withheld: Vec::new(),
            buffer: vec![0; BUFFER],
        }
    }

    pub(super) fn withhold(&mut self, path: impl AsRef<[u8]>, reason: Reason) {
        self.withheld.push(Withheld::new(path, reason));
    }

    /// Takes the bytes of a file, unless the rules withhold it for them. At the end `unchanged` says
    /// whether it is still the file that it was.
    pub(super) fn take(
        &mut self,
        file: &File<'_>,
        from: &mut dyn Read,
        unchanged: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Result<Content, Reason>, Failure> {
        let hasher = Box::new(blake3::Hasher::new());
        self.take_with(file, from, unchanged, hasher)
    }

    pub(super) fn take_with(
        &mut self,
        file: &File<'_>,
        from: &mut dyn Read,
        unchanged: &mut dyn FnMut(u64) -> bool,
        mut hashing: Box<dyn Hashing + '_>,
    ) -> Result<Result<Content, Reason>, Failure> {
        let context = self.context;
        let longest = context.rules.max_file_bytes();
        if file.size.is_some_and(|size| size > longest) {
            return Ok(Err(Reason::TooLarge));
        }
        let sink = context.sink.file(file.path, file.size);
        let mut sink = sink.map_err(Error::sink)?;
        let mut scan = Scan::new(context.rules.secrets_count(file.path.as_str()));
        let mut size = 0_u64;
        loop {
            let length = fill(from, &mut self.buffer).map_err(Failure::Read)?;
            context.meter.bytes(length)?;
            let last = length < self.buffer.len();
            let bytes = self.buffer.get(..length).unwrap_or_default();
            size = size.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            if size > longest {
                return Ok(Err(Reason::TooLarge));
            }
            if let Some(reason) = scan.look(bytes, last) {
                return Ok(Err(reason));
            }
            sink.write(bytes).map_err(Error::sink)?;
            hashing.update(&mut self.buffer, length);
            if last {
                break;
            }
        }
        if !unchanged(size) {
            return Ok(Err(Reason::Changed));
        }
        let digest = hashing.digest();
        self.finish(
            file,
            Content::File {
                mode: file.mode,
                size,
                digest,
            },
            sink,
        )
    }

    fn finish(
        &self,
        file: &File<'_>,
        content: Content,
        sink: Box<dyn SinkFile + '_>,
    ) -> Result<Result<Content, Reason>, Failure> {
        let entry = Entry::new(file.path.clone(), content);
        sink.finish(&entry).map_err(Error::sink)?;
        let context = self.context;
        let files = context.files.fetch_add(1, Ordering::Relaxed);
        let bytes = context.bytes.fetch_add(entry.size(), Ordering::Relaxed);
        context.progress.file(&Done {
            files: files.saturating_add(1),
            bytes: bytes.saturating_add(entry.size()),
            path: file.path,
        });
        Ok(Ok(entry.content().clone()))
    }
}

/// The scanner of a file, which is spared its work where the file fits a buffer.
struct Scan(Option<Scanner>, bool);

impl Scan {
    fn new(counts: bool) -> Self {
        Self(counts.then(Scanner::new), true)
    }

    fn look(&mut self, bytes: &[u8], last: bool) -> Option<Reason> {
        let scanner = self.0.as_mut()?;
        let whole = last && std::mem::take(&mut self.1);
        self.1 = false;
        let found = if whole {
            Scanner::scan(bytes)
        } else {
            let found = scanner.update(bytes);
            if last {
                std::mem::take(scanner).finish()
            } else {
                found
            }
        };
        let rule = found?.as_str().into();
        Some(Reason::SecretContent { rule })
    }
}

/// What a link says, where it is text that a manifest can hold.
pub(super) fn target(bytes: Vec<u8>) -> Result<Content, Reason> {
    let fits = (1..=Content::MAX_TARGET).contains(&bytes.len()) && !bytes.contains(&0);
    let target = String::from_utf8(bytes).ok().filter(|_| fits);
    let target = target.ok_or(Reason::InvalidPath)?.into();
    Ok(Content::Symlink { target })
}

/// Reads until the buffer is full or the source has no more.
pub(super) fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
