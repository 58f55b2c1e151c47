use std::{collections::BinaryHeap, ops::Range};

use mcpo2_core::Digest;

use super::{
    index::{Index, Texts},
    index_of, number,
    query::Query,
    score::{Ranked, rank},
    tokenizer::Tokenizer,
    weights::Weights,
};

/// What to select for.
#[derive(Debug, Clone, Copy)]
pub struct SelectRequest<'a> {
    /// The task, in words.
    pub query: &'a str,
    /// The most tokens that the rendered pack may take.
    pub budget: u64,
    /// How to weigh.
    pub weights: Weights,
}

/// Lines of a file that are in a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The path of the file.
    pub path: Box<str>,
    /// The digest of the whole file.
    pub digest: Digest,
    /// The lines, counted from one.
    pub lines: std::ops::RangeInclusive<u32>,
    /// The bytes.
    pub bytes: Range<u64>,
    /// The text.
    pub text: Box<str>,
}

/// What was selected.
#[derive(Debug, Clone, Default)]
pub struct Pack {
    /// Excerpts.
    pub items: Vec<Item>,
    /// Tokens used.
    pub used: u64,
    /// For debugging.
    pub ranking: Vec<(Box<str>, f64)>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    gain: f64,
    file: usize,
    chunk: usize,
    first: bool,
    cost: u64,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Candidate {}
impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.gain.total_cmp(&other.gain)
            .then_with(|| other.file.cmp(&self.file))
            .then_with(|| other.chunk.cmp(&self.chunk))
    }
}

struct Source<'a> {
    ranked: Ranked<'a>,
    lines: Vec<Range<usize>>,
    text: std::sync::Arc<[u8]>,
    value: f64,
    shares: Vec<f64>,
    taken: Vec<bool>,
    started: bool,
    costs: Vec<Option<u64>>,
}

/// Selects.
pub fn select(request: &SelectRequest<'_>, index: &Index, texts: &dyn Texts, tokenizer: &dyn Tokenizer) -> Pack {
    let query = Query::read(request.query);
    let ranked = rank(index, &query, &request.weights);
    let weights = &request.weights;
    let best = ranked.first().map_or(1.0, |r| r.signals.score);
    let mut pack = Pack { ranking: ranked.iter().map(|r| (r.file.path.clone(), r.signals.score)).collect(), ..Pack::default() };
    let mut sources: Vec<Source<'_>> = Vec::new();
    for (place, ranked) in ranked.into_iter().take(120).enumerate() {
        let Some(text) = texts.read(&ranked.file.digest) else { continue };
        let shares: Vec<f64> = (0..ranked.chunks.len()).map(|at| {
            let x = super::score::chunk_features(&ranked, at);
            x.iter().zip(weights.chunk_model).map(|(x, w)| x * w).sum::<f64>().exp()
        }).collect();
        sources.push(Source {
            value: shares.iter().sum::<f64>().min(1.0),
            shares,
            lines: line_ranges(&text),
            text,
            taken: vec![false; ranked.chunks.len()],
            costs: vec![None; ranked.chunks.len()],
            started: false,
            ranked,
        });
    }
    let mut heap = BinaryHeap::new();
    for (at, source) in sources.iter().enumerate() {
        for chunk in 0..source.shares.len() {
            if source.shares[chunk] > 0.0 {
                heap.push(candidate(source, at, chunk, weights));
            }
        }
    }
    let mut used = 60;
    while let Some(c) = heap.pop() {
        let s = &mut sources[c.file];
        if s.taken[c.chunk] { continue; }
        if c.first && s.started {
            let c = candidate(s, c.file, c.chunk, weights);
            heap.push(c);
            continue;
        }
        let left = request.budget.saturating_sub(used);
        if left < 20 { break; }
        if c.cost > left * 2 { continue; }
        let overhead = if c.first { 20 } else { 6 };
        let cost = overhead + match s.costs[c.chunk] {
            Some(cost) => cost,
            None => {
                let k = s.ranked.file.chunks[c.chunk];
                let range = s.lines[index_of(k.start)].start..s.lines[index_of(k.end) - 1].end;
                let cost = tokenizer.count(&String::from_utf8_lossy(&s.text[range]));
                s.costs[c.chunk] = Some(cost);
                cost
            }
        };
        if cost > left { continue; }
        used += cost;
        s.taken[c.chunk] = true;
        s.started = true;
    }
    pack.used = used;
    for s in &sources {
        let chunks = &s.ranked.file.chunks;
        let mut at = 0;
        while at < chunks.len() {
            if !s.taken[at] { at += 1; continue; }
            let start = chunks[at].start;
            while at < chunks.len() && s.taken[at] { at += 1; }
            let end = chunks[at - 1].end;
            let bytes = s.lines[index_of(start)].start..s.lines[index_of(end) - 1].end;
            pack.items.push(Item {
                path: s.ranked.file.path.clone(),
                digest: s.ranked.file.digest,
                lines: start + 1..=end,
                bytes: bytes.start as u64..bytes.end as u64,
                text: String::from_utf8_lossy(&s.text[bytes]).into(),
            });
        }
    }
    pack
}

fn candidate(s: &Source<'_>, file: usize, chunk: usize, weights: &Weights) -> Candidate {
    let first = !s.started;
    let cost = u64::from(s.ranked.file.chunks[chunk].tokens) + if first { 20 } else { 6 };
    let gain = s.shares[chunk] + if first { s.value * weights.breadth } else { 0.0 };
    Candidate { gain: gain / (cost as f64 + weights.floor), file, chunk, first, cost }
}

fn line_ranges(text: &[u8]) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        lines.push(start..start + line.len());
        start += line.len();
    }
    let _ = number(start);
    lines
}
