use std::{collections::BTreeSet, ops::Range, sync::Arc};

use super::{
    chunks::Chunk,
    index::Texts,
    index_of,
    model::{self, Standing},
    number,
    score::Ranked,
};

/// A ranked file with its text, and what is taken of it.
pub(super) struct Source<'a> {
    pub(super) ranked: Ranked<'a>,
    /// The share of what is wanted that is expected in each chunk.
    pub(super) shares: Vec<f64>,
    /// The same of the whole file, 1 at most.
    pub(super) value: f64,
    /// The places of the chunks that are taken.
    pub(super) taken: BTreeSet<usize>,
    text: Arc<[u8]>,
    /// Where the lines are, with their ends.
    lines: Vec<Range<usize>>,
}

/// Chunks of a file that touch, all of them taken.
pub(super) struct Segment<'s> {
    /// From zero, without the last itself.
    pub(super) lines: Range<u32>,
    pub(super) bytes: Range<usize>,
    pub(super) text: std::borrow::Cow<'s, str>,
}

impl<'a> Source<'a> {
    /// Those that are wanted, by where they stand and their path, with their texts, best first.
    pub(super) fn all(
        ranked: Vec<Ranked<'a>>,
        texts: &dyn Texts,
        wanted: impl Fn(usize, &str) -> bool,
    ) -> Vec<Self> {
        let mut valued: Vec<(f64, Ranked<'a>)> = (ranked.into_iter())
            .map(|ranked| (model::file(&ranked), ranked))
            .collect();
        valued.sort_by(|a, b| {
            b.0.total_cmp(&a.0)
                .then_with(|| a.1.file.path.cmp(&b.1.file.path))
        });
        let best = valued.first().map_or(0.0, |(value, _)| *value);
        let ranked = valued.into_iter().zip(1_u32..).enumerate();
        let ranked = ranked.filter(|(at, ((_, ranked), _))| wanted(*at, &ranked.file.path));
        let sources = ranked.filter_map(|(_, ((value, ranked), rank))| {
            let behind = value - best;
            Self::new(ranked, Standing { behind, rank }, texts)
        });
        sources.collect()
    }

    fn new(ranked: Ranked<'a>, standing: Standing, texts: &dyn Texts) -> Option<Self> {
        let text = texts.read(&ranked.file.digest)?;
        let shares = model::shares(&ranked, standing);
        let mut lines = Vec::new();
        let mut start = 0_usize;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            lines.push(start..start + line.len());
            start += line.len();
        }
        Some(Self {
            value: shares.iter().sum::<f64>().min(1.0),
            shares,
            taken: BTreeSet::new(),
            text,
            lines,
            ranked,
        })
    }

    pub(super) fn path(&self) -> &str {
        &self.ranked.file.path
    }

    pub(super) fn chunk(&self, at: usize) -> Option<Chunk> {
        self.ranked.file.chunks.get(at).copied()
    }

    /// The text of these lines, which are counted from zero.
    pub(super) fn segment(&self, lines: Range<u32>) -> Option<Segment<'_>> {
        let first = self.lines.get(index_of(lines.start))?.start;
        let last = self.lines.get(index_of(lines.end).checked_sub(1)?)?.end;
        let text = String::from_utf8_lossy(self.text.get(first..last)?);
        Some(Segment {
            lines,
            bytes: first..last,
            text,
        })
    }

    /// What is taken, in the order of its lines; what touches is one.
    pub(super) fn segments(&self) -> Vec<Segment<'_>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for chunk in self.taken.iter().filter_map(|at| self.chunk(*at)) {
            match ranges.last_mut() {
                Some(last) if last.end == chunk.start => last.end = chunk.end,
                _ => ranges.push(chunk.lines()),
            }
        }
        ranges
            .into_iter()
            .filter_map(|lines| self.segment(lines))
            .collect()
    }

    /// What it defines, as an outline shows it.
    pub(super) fn outline(&self, most: usize) -> String {
        let mut names: Vec<&str> = Vec::new();
        for symbol in &self.ranked.file.symbols {
            if names.len() < most && !names.contains(&&*symbol.name) {
                names.push(&symbol.name);
            }
        }
        names.join(", ")
    }

    pub(super) fn line_count(&self) -> u32 {
        number(self.lines.len())
    }
}
