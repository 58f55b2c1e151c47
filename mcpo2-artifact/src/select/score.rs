//! Which files and chunks a task is about, by their terms and by what else speaks for them.

mod hints;
mod related;
mod signals;

use super::{
    index::{File, Index},
    index_of,
    pack::SelectRequest,
    query::{Asked, Query},
    real,
    weights::Weights,
};
use crate::facts::{Flags, Language};

pub(super) use self::signals::{ChunkSignals, FileSignals, TermSignals};

/// A file that may matter, and what its chunks are worth.
#[derive(Debug)]
pub(super) struct Ranked<'a> {
    pub(super) file: &'a File,
    pub(super) signals: FileSignals,
    pub(super) chunks: Vec<ChunkSignals>,
}

/// Saturation of repeated terms.
const K1: f64 = 1.2;
/// Files whose chunks are looked at.
const DEEP: usize = 200;

/// Where the files of an index stand among those that are ranked.
type Places = [Option<usize>];

/// The files that have a term of the query and those that are pinned, best first.
pub(super) fn rank<'a>(
    index: &'a Index,
    query: &Query,
    request: &SelectRequest<'_>,
) -> Vec<Ranked<'a>> {
    let (terms, weights) = (sought(index, query), &request.weights);
    let (mut ranked, places) = shallow(index, (query, &terms), request);
    by_chunk(index, &terms, weights, &places, &mut ranked);
    normalise(&mut ranked);
    related::relate(index, &places, &mut ranked);
    related::use_of(index, &places, &mut ranked);
    for ranked in &mut ranked {
        let texts = ranked.chunks.iter().map(|chunk| chunk.terms.text);
        ranked.signals.chunk = texts.fold(0.0, f64::max);
        ranked.signals.score += weights.chunk * ranked.signals.chunk * prior(ranked.file, weights);
    }
    let score = |ranked: &Ranked<'_>| ranked.signals.score;
    ranked.sort_by(|a, b| {
        (score(b).total_cmp(&score(a))).then_with(|| a.file.path.cmp(&b.file.path))
    });
    ranked
}

/// The best files by all but their chunks, and where each stands.
fn shallow<'a>(
    index: &'a Index,
    (query, terms): (&Query, &[Sought<'_>]),
    request: &SelectRequest<'_>,
) -> (Vec<Ranked<'a>>, Vec<Option<usize>>) {
    let weights = &request.weights;
    let mut order: Vec<(FileSignals, &File, u32)> = Vec::new();
    for (mut signals, id) in signals(index, query, terms, weights)
        .into_iter()
        .zip(0_u32..)
    {
        let says = signals.terms.text + signals.path + signals.hints.mention + signals.hints.scope;
        let matters = |file: &&File| says > 0.0 || request.pins(&file.path);
        let Some(file) = index.file(id).filter(matters) else {
            continue;
        };
        let hints = weights.mention * signals.hints.mention + weights.scope * signals.hints.scope;
        signals.score = (signals.terms.text + hints) * prior(file, weights);
        order.push((signals, file, id));
    }
    let score = |entry: &(FileSignals, &File, u32)| entry.0.score;
    order.sort_unstable_by(|a, b| {
        let pinned = request.pins(&b.1.path).cmp(&request.pins(&a.1.path));
        (pinned.then_with(|| score(b).total_cmp(&score(a)))).then_with(|| a.1.path.cmp(&b.1.path))
    });
    order.truncate(DEEP);
    let mut places = vec![None; index.files.len()];
    let mut ranked = Vec::with_capacity(order.len());
    for (signals, file, id) in order {
        if let Some(place) = places.get_mut(index_of(id)) {
            *place = Some(ranked.len());
        }
        let chunks = vec![ChunkSignals::default(); file.chunks.len()];
        ranked.push(Ranked {
            file,
            signals,
            chunks,
        });
    }
    (ranked, places)
}

/// What speaks for each file of the index, before its chunks are looked at.
fn signals(
    index: &Index,
    query: &Query,
    terms: &[Sought<'_>],
    weights: &Weights,
) -> Vec<FileSignals> {
    let mut signals = by_text(index, terms, weights);
    let each = signals.iter();
    let most = each.fold(TermSignals::default(), |most, s| most.max(s.terms));
    let path = signals.iter().map(|s| s.path).fold(1e-9, f64::max);
    for s in &mut signals {
        (s.terms, s.path) = (s.terms.over(most), s.path / path);
    }
    hints::hints(index, query, &mut signals);
    signals
}

fn normalise(ranked: &mut [Ranked<'_>]) {
    let most = ranked
        .iter()
        .flat_map(|r| &r.chunks)
        .fold(TermSignals::default(), |most, c| most.max(c.terms));
    for ranked in ranked {
        for chunk in &mut ranked.chunks {
            chunk.terms = chunk.terms.over(most);
        }
        let texts: Vec<f64> = ranked.chunks.iter().map(|c| c.terms.text).collect();
        for (at, chunk) in ranked.chunks.iter_mut().enumerate() {
            let before = at
                .checked_sub(1)
                .and_then(|at| texts.get(at))
                .copied()
                .unwrap_or_default();
            chunk.near = before.max(texts.get(at + 1).copied().unwrap_or_default());
        }
    }
}

/// A term of the query with what it is worth here.
struct Sought<'q> {
    text: &'q str,
    asked: Asked,
    worth: f64,
}

fn sought<'q>(index: &Index, query: &'q Query) -> Vec<Sought<'q>> {
    let files = real(u64::from(super::number(index.len())));
    let terms = query.terms.iter().filter_map(|(text, asked)| {
        let having = f64::from(super::number(index.postings(text).len()));
        let worth = asked.weight * (1.0 + (files - having + 0.5) / (having + 0.5)).ln();
        (having > 0.0).then_some(Sought {
            text,
            asked: *asked,
            worth,
        })
    });
    terms.collect()
}

fn by_text(index: &Index, terms: &[Sought<'_>], weights: &Weights) -> Vec<FileSignals> {
    let mut signals = vec![FileSignals::default(); index.files.len()];
    let mean = index.mean_length().max(1.0);
    for term in terms {
        for posting in index.postings(term.text) {
            let Some(file) = index.file(posting.file) else {
                continue;
            };
            let norm = 1.0 - weights.length + weights.length * f64::from(file.length) / mean;
            let tf = f64::from(posting.count) / norm
                + weights.symbol * f64::from(posting.named) / norm
                + weights.path * f64::from(posting.in_path);
            if let Some(signals) = signals.get_mut(index_of(posting.file)) {
                signals.terms.add(term, tf, posting.named > 0);
                signals.path += if posting.in_path > 0 { term.worth } else { 0.0 };
            }
        }
    }
    signals
}

pub(super) fn aside(file: &File) -> f64 {
    let mut count = 0.0;
    for flag in [
        Flags::TEST,
        Flags::DOC,
        Flags::EXAMPLE,
        Flags::VENDORED,
        Flags::GENERATED,
        Flags::LOCK,
    ] {
        count += f64::from(file.flags.has(flag));
    }
    count + f64::from(!file.language.is_some_and(Language::is_code))
}

fn prior(file: &File, weights: &Weights) -> f64 {
    weights.aside.powf(aside(file))
}

fn by_chunk(
    index: &Index,
    terms: &[Sought<'_>],
    weights: &Weights,
    places: &Places,
    ranked: &mut [Ranked<'_>],
) {
    for term in terms {
        for posting in index.postings(term.text) {
            let Some(at) = places.get(index_of(posting.file)).copied().flatten() else {
                continue;
            };
            let Some(ranked) = ranked.get_mut(at) else {
                continue;
            };
            for hit in ranked.file.hits(posting.entry) {
                let tf = f64::from(hit.count) + weights.symbol * f64::from(hit.named);
                if let Some(signals) = ranked.chunks.get_mut(usize::from(hit.chunk)) {
                    signals.terms.add(term, tf, hit.named > 0);
                }
            }
        }
    }
}
