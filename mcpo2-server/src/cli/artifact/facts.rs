//! What follows from the names and the bytes of files.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    sync::{Mutex, PoisonError},
};

use mcpo2_artifact::{
    facts::{ANALYSER_NAME, Encoding, Flags, analyse},
    ingest::{Sink, SinkFile},
    manifest::{Derived as DerivedBlock, Entry, Manifest, ManifestError, RelPath},
};
use mcpo2_core::Digest;
use serde::Serialize;

use super::select::Counter;

/// Beyond this many bytes nothing is derived of a file: it would have to be held in memory.
const MOST: usize = 16 << 20;

/// What is derived of a file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FileFacts {
    language: Option<&'static str>,
    encoding: &'static str,
    lines: u32,
    /// About how many, or exactly if that was asked for.
    tokens: u64,
    /// No byte-level tokenizer makes more.
    tokens_at_most: u64,
    symbols: usize,
    flags: Vec<&'static str>,
    #[serde(skip)]
    digest: Digest,
    /// For a block of them, where one is wanted.
    #[serde(skip)]
    written: Vec<u8>,
}

/// Derives facts of each file while it is read.
#[derive(Debug)]
pub(super) struct Deriving {
    counter: Counter,
    writes: bool,
    found: Mutex<BTreeMap<String, FileFacts>>,
}

impl Deriving {
    /// With this counter, and for a block of facts where somebody `writes` one.
    pub(super) fn new(counter: Counter, writes: bool) -> Self {
        Self {
            counter,
            writes,
            found: Mutex::default(),
        }
    }

    /// By path; none of what is too long.
    pub(super) fn found(self) -> BTreeMap<String, FileFacts> {
        self.found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, path: &RelPath, facts: FileFacts) {
        let found = self.found.lock();
        let mut found = found.unwrap_or_else(PoisonError::into_inner);
        found.insert(path.as_str().to_owned(), facts);
    }

    fn derive(&self, entry: &Entry, bytes: &[u8]) -> FileFacts {
        let facts = analyse(entry.path().as_str(), bytes);
        let text = facts.encoding != Encoding::Binary;
        let exactly = || self.counter.exactly(&String::from_utf8_lossy(bytes));
        let exact = text.then(exactly).flatten();
        FileFacts {
            language: facts.language.map(|language| language.name()),
            encoding: match facts.encoding {
                Encoding::Utf8 => "utf8",
                Encoding::Lossy => "lossy",
                _ => "binary",
            },
            lines: facts.lines,
            tokens: exact.unwrap_or(facts.tokens.about),
            tokens_at_most: facts.tokens.at_most,
            symbols: facts.symbols.len(),
            flags: words(facts.flags),
            digest: entry.digest().unwrap_or_else(|| Digest::of(bytes)),
            written: match self.writes {
                true => facts.to_bytes(),
                false => Vec::new(),
            },
        }
    }
}

fn words(flags: Flags) -> Vec<&'static str> {
    let all = [
        (Flags::GENERATED, "generated"),
        (Flags::VENDORED, "vendored"),
        (Flags::TEST, "test"),
        (Flags::DOC, "doc"),
        (Flags::LOCK, "lock"),
        (Flags::EXAMPLE, "example"),
    ];
    let set = all.into_iter().filter(|(flag, _)| flags.has(*flag));
    set.map(|(_, word)| word).collect()
}

impl Sink for Deriving {
    fn file(&self, _: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        Ok(Box::new(Derived {
            deriving: self,
            bytes: Some(Vec::new()),
        }))
    }

    fn link(&self, entry: &Entry) -> io::Result<()> {
        let same = {
            let found = self.found.lock();
            let found = found.unwrap_or_else(PoisonError::into_inner);
            let same = found.values().find(|it| Some(it.digest) == entry.digest());
            same.cloned()
        };
        same.into_iter()
            .for_each(|facts| self.keep(entry.path(), facts));
        Ok(())
    }
}

struct Derived<'d> {
    deriving: &'d Deriving,
    /// None of a file that is too long.
    bytes: Option<Vec<u8>>,
}

impl SinkFile for Derived<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes = self.bytes.take().filter(|it| it.len() <= MOST);
        self.bytes.iter_mut().for_each(|it| it.extend(bytes));
        Ok(())
    }

    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<()> {
        if let Some(bytes) = self.bytes {
            let facts = self.deriving.derive(entry, &bytes);
            self.deriving.keep(entry.path(), facts);
        }
        Ok(())
    }
}

/// What was derived of the entries of a manifest, as a block beside it.
pub(super) fn block(
    manifest: &Manifest,
    found: &BTreeMap<String, FileFacts>,
) -> Result<DerivedBlock, ManifestError> {
    let facts = found.iter().filter_map(|(path, facts)| {
        let entry = manifest.get(path)?;
        Some((entry.leaf(), facts.written.clone()))
    });
    DerivedBlock::new(ANALYSER_NAME, facts)
}

/// Files, lines and tokens by language.
pub(super) fn table(found: &BTreeMap<String, FileFacts>) -> String {
    let mut rows: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for facts in found.values() {
        for name in [facts.language.unwrap_or("other"), "all"] {
            let row = rows.entry(name).or_default();
            row.0 += 1;
            row.1 += u64::from(facts.lines);
            row.2 = row.2.saturating_add(facts.tokens);
        }
    }
    let all = rows.remove("all").unwrap_or_default();
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(name, row)| (std::cmp::Reverse(row.2), *name));
    rows.push(("all", all));
    let mut text = format!(
        "{:12} {:>8} {:>10} {:>12}\n",
        "language", "files", "lines", "tokens"
    );
    for (name, (files, lines, tokens)) in rows {
        let _ = writeln!(text, "{name:12} {files:>8} {lines:>10} {tokens:>12}");
    }
    text
}
