use super::{
    index::{File, Index},
    index_of,
    query::{Asked, Query},
    real,
    weights::Weights,
};
use crate::facts::Flags;

/// A file that may matter, and what its chunks are worth.
#[derive(Debug)]
pub(super) struct Ranked<'a> {
    pub(super) file: &'a File,
    pub(super) score: f64,
    pub(super) parts: Parts,
    pub(super) chunks: Vec<f64>,
}

/// What a score is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) text: f64,
    pub(super) chunk: f64,
    pub(super) mention: f64,
    pub(super) scope: f64,
    pub(super) prior: f64,
}

/// Saturation of repeated terms.
const K1: f64 = 1.2;
/// Files whose chunks are looked at.
const DEEP: usize = 200;

/// The files that have a term of the query, best first.
pub(super) fn rank<'a>(index: &'a Index, query: &Query, weights: &Weights) -> Vec<Ranked<'a>> {
    let (mut scores, terms) = by_text(index, query, weights);
    boost(index, query, weights, &mut scores);
    let mut order: Vec<(f64, &File, u32)> = (scores.iter().zip(0_u32..))
        .filter(|(score, _)| **score > 0.0)
        .filter_map(|(score, id)| index.file(id).map(|file| (score * prior(file, weights), file, id)))
        .collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    order.truncate(DEEP);
    let mut deep = vec![None; scores.len()];
    let mut ranked: Vec<Ranked<'a>> = Vec::new();
    for (score, file, id) in order {
        if let Some(deep) = deep.get_mut(index_of(id)) {
            *deep = Some(ranked.len());
        }
        let parts = Parts { text: score, prior: prior(file, weights), ..Parts::default() };
        ranked.push(Ranked { file, score, parts, chunks: vec![0.0; file.chunks.len()] });
    }
    by_chunk(index, &terms, weights, &deep, &mut ranked);
    for ranked in &mut ranked {
        let best = ranked.chunks.iter().copied().fold(0.0, f64::max);
        ranked.parts.chunk = best;
        ranked.score += weights.chunk * best * ranked.parts.prior;
    }
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.file.path.cmp(&b.file.path)));
    ranked
}

/// A term of the query with what it is worth here.
struct Sought<'q> {
    text: &'q str,
    worth: f64,
}

fn by_text<'q>(index: &Index, query: &'q Query, weights: &Weights) -> (Vec<f64>, Vec<Sought<'q>>) {
    let mut scores = vec![0.0; index.files.len()];
    let mut sought = Vec::new();
    let files = real(u64::from(super::number(index.len())));
    let mean = index.mean_length().max(1.0);
    for (text, Asked { weight, .. }) in &query.terms {
        let postings = index.postings(text);
        if postings.is_empty() {
            continue;
        }
        let having = f64::from(super::number(postings.len()));
        let worth = weight * (1.0 + (files - having + 0.5) / (having + 0.5)).ln();
        for posting in postings {
            let Some(file) = index.file(posting.file) else { continue };
            let norm = 1.0 - weights.length + weights.length * f64::from(file.length) / mean;
            let tf = f64::from(posting.count) / norm
                + weights.symbol * f64::from(posting.named) / norm
                + weights.path * f64::from(posting.in_path);
            if let Some(score) = scores.get_mut(index_of(posting.file)) {
                *score += worth * tf / (K1 + tf);
            }
        }
        sought.push(Sought { text, worth });
    }
    (scores, sought)
}

/// Adds what is named outright: files by their paths, folders by the scope.
fn boost(index: &Index, query: &Query, weights: &Weights, scores: &mut [f64]) {
    let best = scores.iter().copied().fold(0.0, f64::max);
    for (path, id) in index.paths() {
        let Some(score) = scores.get_mut(index_of(id)) else { continue };
        let named = query.paths.iter().any(|mention| names(&mention.path, path));
        if named {
            *score += weights.mention * best;
        }
        let mut scoped = 0.0;
        super::terms::each_term(path, |term, _| {
            if query.scope.contains(term) {
                scoped = 1.0;
            }
        });
        *score += weights.scope * best * scoped;
    }
}

/// True if a mention is the end of this path.
fn names(mention: &str, path: &str) -> bool {
    let short = path.strip_suffix(mention).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    let long = mention.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    short || long
}

fn prior(file: &File, weights: &Weights) -> f64 {
    let mut prior = 1.0;
    for flag in [Flags::TEST, Flags::DOC, Flags::EXAMPLE, Flags::VENDORED, Flags::GENERATED, Flags::LOCK] {
        if file.flags.has(flag) {
            prior *= weights.aside;
        }
    }
    if !file.language.is_some_and(crate::facts::Language::is_code) {
        prior *= weights.aside;
    }
    prior
}

fn by_chunk(index: &Index, terms: &[Sought<'_>], weights: &Weights, deep: &[Option<usize>], ranked: &mut [Ranked<'_>]) {
    for term in terms {
        for posting in index.postings(term.text) {
            let Some(at) = deep.get(index_of(posting.file)).copied().flatten() else { continue };
            let Some(ranked) = ranked.get_mut(at) else { continue };
            for hit in ranked.file.hits(posting.entry) {
                let tf = f64::from(hit.count) + weights.symbol * f64::from(hit.named);
                if let Some(score) = ranked.chunks.get_mut(usize::from(hit.chunk)) {
                    *score += term.worth * tf / (K1 + tf);
                }
            }
        }
    }
}
