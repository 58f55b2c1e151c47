use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    chunks::{Chunk, chunks},
    index_of,
    terms::{Part, each_term},
};
use crate::facts::{Facts, Flags, Language, SymbolKind, TokenEstimate, analyse, cut, decode};

/// What is searched of one file: it follows from the bytes and the language alone, so it is kept by digest.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FileIndex {
    pub(crate) language: Option<Language>,
    pub(crate) flags: Flags,
    pub(crate) lines: u32,
    /// About how many tokens the file has.
    pub(crate) tokens: u32,
    /// How many terms the text has, repetitions included.
    pub(crate) length: u32,
    pub(crate) symbols: Vec<Outline>,
    pub(crate) chunks: Vec<Chunk>,
    /// In the order of their texts.
    pub(crate) terms: Vec<Term>,
}

/// A symbol as the outline shows it.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) kind: SymbolKind,
    pub(crate) name: Box<str>,
    pub(crate) line: u32,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: Box<str>,
    /// In the order of their chunks.
    pub(crate) hits: Vec<Hit>,
}

/// How often a chunk has a term, and how often among the names that it defines.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) chunk: u16,
    pub(crate) count: u16,
    pub(crate) named: u16,
}

/// Beyond this many bytes a text is not searched.
const MOST_BYTES: usize = 1 << 20;
/// A line is not searched beyond this many bytes.
const WIDTH: usize = 2000;

impl FileIndex {
    /// The index of these bytes; an empty one for a binary.
    pub(crate) fn of(path: &str, bytes: &[u8]) -> Self {
        let facts = analyse(path, bytes);
        let Some(text) = decode(bytes) else {
            return Self {
                language: facts.language,
                ..Self::default()
            };
        };
        let lines: Vec<&str> = text.lines().collect();
        let mut chunks = chunks(&lines, &facts.symbols);
        for chunk in &mut chunks {
            let lines = lines
                .get(index_of(chunk.start)..index_of(chunk.end))
                .unwrap_or_default();
            let tokens = lines
                .iter()
                .map(|line| TokenEstimate::of(line).about.saturating_add(1))
                .sum::<u64>();
            chunk.tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        }
        let mut terms = Terms::default();
        terms.read(&lines, &chunks);
        terms.name(&facts, &chunks);
        let length = terms.length;
        Self {
            language: facts.language,
            flags: Flags::of_text(&text, facts.lines),
            lines: facts.lines,
            tokens: u32::try_from(facts.tokens.about).unwrap_or(u32::MAX),
            length,
            symbols: facts.symbols.into_iter().map(outline).collect(),
            chunks,
            terms: terms.sorted(),
        }
    }
}

fn outline(symbol: crate::facts::Symbol) -> Outline {
    Outline {
        kind: symbol.kind,
        name: symbol.name,
        line: symbol.line,
    }
}

#[derive(Default)]
struct Terms {
    hits: HashMap<Box<str>, Vec<Hit>>,
    length: u32,
}

impl Terms {
    fn read(&mut self, lines: &[&str], chunks: &[Chunk]) {
        let mut bytes = 0_usize;
        for (chunk, at) in chunks.iter().zip(0_u16..) {
            for line in chunk.lines() {
                let line = lines.get(index_of(line)).copied().unwrap_or_default();
                bytes = bytes.saturating_add(line.len());
                if bytes > MOST_BYTES {
                    return;
                }
                let line = cut(line, WIDTH);
                each_term(line, |term, part| {
                    self.length = self
                        .length
                        .saturating_add(u32::from(matches!(part, Part::Of(_))));
                    self.count(term, at, |hit| hit.count = hit.count.saturating_add(1));
                });
            }
        }
    }

    /// The names of symbols, in the chunk of the line that names them.
    fn name(&mut self, facts: &Facts, chunks: &[Chunk]) {
        for symbol in &facts.symbols {
            let line = symbol.line.saturating_sub(1);
            let at = chunks.partition_point(|chunk| chunk.end <= line);
            let Ok(at) = u16::try_from(at) else { continue };
            each_term(&symbol.name, |term, _| {
                self.count(term, at, |hit| hit.named = hit.named.saturating_add(1));
            });
        }
    }

    /// Counts a term in a chunk.
    fn count(&mut self, term: &str, chunk: u16, add: impl FnOnce(&mut Hit)) {
        if !self.hits.contains_key(term) {
            self.hits.insert(term.into(), Vec::new());
        }
        let hits = self.hits.entry(term.into()).or_default();
        let at = hits.partition_point(|hit| hit.chunk < chunk);
        if hits.get(at).is_none_or(|hit| hit.chunk != chunk) {
            let (count, named) = (0, 0);
            hits.insert(
                at,
                Hit {
                    chunk,
                    count,
                    named,
                },
            );
        }
        if let Some(hit) = hits.get_mut(at) {
            add(hit);
        }
    }

    fn sorted(self) -> Vec<Term> {
        let mut terms: Vec<Term> = self
            .hits
            .into_iter()
            .map(|(text, hits)| Term { text, hits })
            .collect();
        terms.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        terms
    }
}

impl FileIndex {
    /// How often a term stands in the text, and among the names.
    pub(crate) fn frequency(hits: &[Hit]) -> (u32, u32) {
        let add = |(count, named): (u32, u32), hit: &Hit| {
            (
                count.saturating_add(hit.count.into()),
                named.saturating_add(hit.named.into()),
            )
        };
        hits.iter().fold((0, 0), add)
    }
}
