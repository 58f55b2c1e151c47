use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::index_of;
use crate::facts::{Symbol, SymbolKind};

/// Lines that belong together: at best one function. Lines are counted from zero here.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The innermost symbol that it is part of, as a place in the list of symbols.
    pub(crate) symbol: Option<u32>,
    /// About how many tokens its text takes.
    pub(crate) tokens: u32,
    pub(crate) kind: Kind,
}

/// What most of a chunk's lines are.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Code, or text of a document.
    #[default]
    Code,
    /// Lines that bring in other modules.
    Imports,
    /// Comments.
    Comments,
    /// Tests inside a file of code.
    Tests,
}

impl Chunk {
    pub(crate) fn lines(self) -> Range<u32> {
        self.start..self.end
    }
}

/// A block of at most this many lines stays whole.
const WHOLE: u32 = 30;
/// Longer ones are cut at about this many.
const WINDOW: u32 = 20;
/// Neighbours are put together up to this many.
const TOGETHER: u32 = 12;
/// No file has more chunks: beyond, windows grow.
const MOST: u32 = 4096;

/// Cuts a file along the borders of its symbols. The chunks cover all lines, in order, without overlap.
pub(super) fn chunks(lines: &[&str], symbols: &[Symbol]) -> Vec<Chunk> {
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let mut cutter = Cutter {
        lines,
        symbols,
        chunks: Vec::new(),
        window: WINDOW.max(count / MOST),
    };
    let mut rest: Vec<u32> = (0..u32::try_from(symbols.len()).unwrap_or(0))
        .rev()
        .collect();
    let imports = imports(lines);
    cutter.block(0..imports.start, None, &mut rest);
    cutter.windows(imports.clone(), None);
    let parts = cutter.chunks.len();
    rest.retain(|symbol| {
        cutter
            .range(*symbol)
            .is_some_and(|range| range.start >= imports.end)
    });
    cutter.block(imports.end..count, None, &mut rest);
    let behind = cutter.chunks.split_off(parts);
    let imported = cutter.chunks.split_off(
        cutter
            .chunks
            .partition_point(|chunk| chunk.start < imports.start),
    );
    let mut chunks = merge(cutter.chunks);
    chunks.extend(imported);
    chunks.extend(merge(behind));
    for chunk in &mut chunks {
        chunk.kind = kind(*chunk, lines, symbols);
    }
    chunks
}

/// The first block of lines that bring in other modules; empty where there is none.
fn imports(lines: &[&str]) -> Range<u32> {
    let mut found = 0..0;
    for (line, at) in lines.iter().zip(0_u32..) {
        if is_import(line) {
            if found.is_empty() {
                found.start = at;
            }
            found.end = at + 1;
        } else if !found.is_empty()
            && !line.is_empty()
            && !line.starts_with([' ', '\t', ')', '}', '#', '/'])
        {
            break;
        } else if !found.is_empty() && line.starts_with([')', '}', ' ', '\t']) && found.end == at {
            found.end = at + 1;
        }
    }
    found
}

fn is_import(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "use ",
        "pub use ",
        "pub(crate) use ",
        "import ",
        "import(",
        "from ",
        "#include",
        "using ",
        "require",
        "extern crate ",
        "mod ",
        "pub mod ",
        "pub(crate) mod ",
        "export * from",
        "export {",
        "@import",
    ];
    WORDS.iter().any(|word| line.starts_with(word)) && !line.ends_with(" {\n")
        || line.contains("= require(")
}

fn kind(chunk: Chunk, lines: &[&str], symbols: &[Symbol]) -> Kind {
    let tests = |symbol: &Symbol| {
        symbol.kind == SymbolKind::Module
            && matches!(&*symbol.name, "tests" | "test")
            && symbol.first <= chunk.start + 1
            && chunk.start < symbol.last
    };
    if symbols.iter().any(tests) {
        return Kind::Tests;
    }
    let (mut all, mut imported, mut comments) = (0_u32, 0_u32, 0_u32);
    for line in lines
        .get(index_of(chunk.start)..index_of(chunk.end))
        .unwrap_or_default()
    {
        let trimmed = line.trim_start();
        if trimmed.is_empty() {
            continue;
        }
        all += 1;
        let quoted = trimmed.ends_with('"') && !trimmed.contains(['=', '(']);
        imported += u32::from(is_import(line) || quoted);
        comments += u32::from(
            ["//", "/*", "*", "# ", "#!"]
                .iter()
                .any(|mark| trimmed.starts_with(mark)),
        );
    }
    match () {
        () if imported * 2 > all => Kind::Imports,
        () if comments * 3 > all * 2 => Kind::Comments,
        () => Kind::Code,
    }
}

struct Cutter<'a> {
    lines: &'a [&'a str],
    symbols: &'a [Symbol],
    chunks: Vec<Chunk>,
    window: u32,
}

impl Cutter<'_> {
    /// Cuts these lines; the symbols inside them are the last of the rest.
    fn block(&mut self, lines: Range<u32>, symbol: Option<u32>, rest: &mut Vec<u32>) {
        let mut at = lines.start;
        while let Some((child, range)) = rest
            .last()
            .and_then(|child| Some((*child, self.range(*child)?)))
        {
            if range.start >= lines.end {
                break;
            }
            rest.pop();
            let range = range.start.max(at)..range.end.min(lines.end);
            if range.is_empty() {
                continue;
            }
            self.windows(at..range.start, symbol);
            at = range.end;
            if range.end - range.start <= WHOLE {
                self.push(range.clone(), Some(child));
                while rest
                    .last()
                    .and_then(|inner| self.range(*inner))
                    .is_some_and(|inner| inner.start < range.end)
                {
                    rest.pop();
                }
            } else {
                self.block(range, Some(child), rest);
            }
        }
        self.windows(at..lines.end, symbol);
    }

    fn range(&self, symbol: u32) -> Option<Range<u32>> {
        let symbol = self.symbols.get(index_of(symbol))?;
        Some(symbol.first.saturating_sub(1)..symbol.last)
    }

    /// Cuts lines that no symbol divides, at empty lines or small indents where that is near.
    fn windows(&mut self, lines: Range<u32>, symbol: Option<u32>) {
        let mut at = lines.start;
        while lines.end.saturating_sub(at) > self.window.saturating_mul(3) / 2 {
            let end = self.seam(at + self.window * 2 / 3..at + self.window * 4 / 3);
            self.push(at..end, symbol);
            at = end;
        }
        if at < lines.end {
            self.push(at..lines.end, symbol);
        }
    }

    /// The line in this range before which a cut hurts least.
    fn seam(&self, range: Range<u32>) -> u32 {
        let middle = range.start.midpoint(range.end);
        let cost = |at: &u32| {
            let line = self.lines.get(index_of(*at)).copied().unwrap_or_default();
            let before = self
                .lines
                .get(index_of(at.saturating_sub(1)))
                .copied()
                .unwrap_or_default();
            let indent = line.len() - line.trim_start().len();
            let gap = if before.trim().is_empty() { 0 } else { 20 };
            (indent.min(40) + gap, at.abs_diff(middle))
        };
        range.min_by_key(cost).unwrap_or(middle)
    }

    fn push(&mut self, lines: Range<u32>, symbol: Option<u32>) {
        self.chunks.push(Chunk {
            start: lines.start,
            end: lines.end,
            symbol,
            tokens: 0,
            kind: Kind::Code,
        });
    }
}

/// Puts small neighbours together.
fn merge(chunks: Vec<Chunk>) -> Vec<Chunk> {
    let mut merged: Vec<Chunk> = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        match merged.last_mut() {
            Some(last) if chunk.end - last.start <= TOGETHER => {
                last.end = chunk.end;
                last.symbol = last.symbol.or(chunk.symbol);
            }
            _ => merged.push(chunk),
        }
    }
    merged
}
