use std::{
    fs::File,
    io::{self, Write},
    ops::{Range, RangeInclusive},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use mcpo2_artifact::{blob::BlobReader, manifest::Entry, range::Ranges};
use serde_json::json;

use super::super::{super::format::Format, Problem, part::Part, store::Store, tell, write};

/// How much is in memory at once.
const PIECE: u64 = 4 << 20;

/// A file of a store.
pub(in crate::cli::artifact) struct Output<'s> {
    store: &'s Store,
    reader: BlobReader,
}

impl<'s> Output<'s> {
    pub(in crate::cli::artifact) fn new(store: &'s Store, reader: BlobReader) -> Self {
        Self { store, reader }
    }

    /// The bytes of this part, or those that are granted where none is said.
    pub(in crate::cli::artifact) fn wanted(
        &self,
        part: &Part,
        granted: &Ranges,
    ) -> Result<Ranges, Problem> {
        let size = self.reader.size();
        if let Some(bytes) = &part.bytes {
            let none = |_| Problem::Wrong(format!("it has {size} bytes, and none of these"));
            return bytes.0.resolve(size).map_err(none);
        }
        match &part.lines {
            Some(lines) => Ok(Ranges::one(self.lines(lines.0.clone())?)),
            None => Ok(granted.clamp(size)),
        }
    }

    /// Where these lines are.
    fn lines(&self, lines: RangeInclusive<u64>) -> Result<Range<u64>, Problem> {
        let (first, last) = lines.into_inner();
        // The line that begins here, and where the wanted ones do.
        let (mut line, mut start) = (1, (first == 1).then_some(0));
        for piece in pieces(0..self.reader.size()) {
            let bytes = self.read(piece.clone())?;
            for (at, _) in (piece.start..)
                .zip(&*bytes)
                .filter(|(_, byte)| **byte == b'\n')
            {
                let behind = at.saturating_add(1);
                if line == last {
                    return Ok(start.unwrap_or_default()..behind);
                }
                line += 1;
                if line == first && behind < self.reader.size() {
                    start = Some(behind);
                }
            }
        }
        let end = self.reader.size();
        match start {
            Some(start) => Ok(start..end),
            None => Err(Problem::wrong("it has no such lines")),
        }
    }

    pub(super) fn write(
        &self,
        (format, out): (Format, Option<&Path>),
        entry: &Entry,
        wanted: &Ranges,
    ) -> Result<(), Problem> {
        if format == Format::Json {
            let mut whole = Vec::new();
            self.copy(wanted, &mut whole)?;
            let ranges: Vec<[u64; 2]> = wanted.iter().map(|it| [it.start, it.end]).collect();
            let content = match String::from_utf8(whole) {
                Ok(text) => json!({ "text": text }),
                Err(bytes) => json!({ "base64": BASE64_STANDARD.encode(bytes.as_bytes()) }),
            };
            let said = json!({ "entry": entry, "bytes": ranges, "content": content });
            return match out {
                Some(out) => write(out, format!("{said:#}\n").as_bytes()),
                None => tell(format, "", &said),
            };
        }
        match out {
            Some(out) => {
                let file = File::create(out);
                let mut file = file.map_err(|error| Problem::failed(&error).at(out))?;
                self.copy(wanted, &mut file)
            }
            None => self.copy(wanted, &mut io::stdout().lock()),
        }
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, Problem> {
        Ok(self.store.runtime.block_on(self.reader.read(range))?)
    }

    fn copy(&self, wanted: &Ranges, to: &mut dyn Write) -> Result<(), Problem> {
        for piece in wanted.iter().flat_map(pieces) {
            let bytes = self.read(piece)?;
            match to.write_all(&bytes) {
                // Whoever closed the pipe has read enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.map_err(|error| Problem::failed(&error))?,
            }
        }
        match to.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed.map_err(|error| Problem::failed(&error)),
        }
    }
}

/// A range in pieces that fit in memory.
fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = start.saturating_add(PIECE).min(range.end);
        (start < at).then_some(start..at)
    })
}
