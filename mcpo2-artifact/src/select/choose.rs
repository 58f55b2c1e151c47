//! Takes chunks one by one, always the one that gains most for what it costs.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{pack::SelectRequest, source::Source, tokenizer::Tokenizer};

/// What the beginning of a file costs in a pack, about.
const FIRST: u32 = 20;
/// What the beginning of a further excerpt of it costs.
const NEXT: u32 = 6;
/// What `o200k_base` makes of one token of the estimate that an index has.
const EXACT: f64 = 0.87;
/// With less than this left, nothing more is looked for.
const LEAST: u64 = 20;

/// A chunk that may be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    /// What it gains for each token.
    gain: f64,
    file: usize,
    chunk: usize,
    /// Nothing of its file was taken when this was reckoned.
    is_first: bool,
    cost: f64,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let places = (other.file, other.chunk).cmp(&(self.file, self.chunk));
        self.gain.total_cmp(&other.gain).then(places)
    }
}

/// Takes further chunks of these files for what is left, about, and gives them in the order in which
/// they were taken.
pub(super) fn choose(
    request: &SelectRequest<'_>,
    sources: &mut [Source<'_>],
    tokenizer: &dyn Tokenizer,
    mut left: u64,
) -> Vec<(usize, usize)> {
    let mut heap = BinaryHeap::new();
    for (file, source) in sources.iter().enumerate() {
        let chunks = 0..source.shares.len();
        heap.extend(chunks.filter_map(|chunk| candidate(request, source, file, chunk)));
    }
    let mut taken = Vec::new();
    while let Some(next) = heap.pop().filter(|_| left >= LEAST) {
        let Some(source) = sources.get_mut(next.file) else {
            continue;
        };
        if next.is_first && !source.taken.is_empty() {
            heap.extend(candidate(request, source, next.file, next.chunk));
            continue;
        }
        // Counting is dear, and what is twice too long is no doubt too long.
        if next.cost > super::real(left) * 2.0 {
            continue;
        }
        let Some(cost) = counted(source, &next, tokenizer).filter(|cost| *cost <= left) else {
            continue;
        };
        left -= cost;
        source.taken.insert(next.chunk);
        taken.push((next.file, next.chunk));
    }
    taken
}

fn candidate(
    request: &SelectRequest<'_>,
    source: &Source<'_>,
    file: usize,
    chunk: usize,
) -> Option<Candidate> {
    if source.taken.contains(&chunk) {
        return None;
    }
    let (weights, is_first) = (&request.weights, source.taken.is_empty());
    let tokens = f64::from(source.chunk(chunk)?.tokens) * EXACT;
    let cost = tokens + f64::from(if is_first { FIRST } else { NEXT });
    let pinned = f64::from(request.pins(source.path()));
    let share = source.shares.get(chunk)? + pinned;
    let first = if is_first {
        weights.breadth * source.value
    } else {
        0.0
    };
    Some(Candidate {
        gain: (share + first) / (cost + weights.floor),
        file,
        chunk,
        is_first,
        cost,
    })
}

fn counted(source: &Source<'_>, next: &Candidate, tokenizer: &dyn Tokenizer) -> Option<u64> {
    let segment = source.segment(source.chunk(next.chunk)?.lines())?;
    let begins = u64::from(if next.is_first { FIRST } else { NEXT });
    Some(tokenizer.count(&segment.text).saturating_add(begins))
}
