//! How likely a file is one that a task is about, and which share of its lines a chunk has.
//!
//! Two log-linear models (Poisson regressions with a ridge of 2). Their weights were fitted on 143
//! changes of six public repositories; left out one by one, each repository is served about as well
//! by what the other five say. A weight multiplies the value beside it, and the sum is a logarithm.

use super::{
    chunks::Kind,
    score::{ChunkSignals, Ranked, TermSignals, aside},
};
use crate::facts::{Flags, Language};

/// How likely it is this file, as a logarithm; only differences mean something.
pub(super) fn file(ranked: &Ranked<'_>) -> f64 {
    let (signals, file) = (&ranked.signals, ranked.file);
    let (terms, hints) = (&signals.terms, &signals.hints);
    let most = |of: fn(&ChunkSignals) -> f64| ranked.chunks.iter().map(of).fold(0.0, f64::max);
    sum([
        (-4.876, 1.0),
        (1.014, (terms.text + 0.02).ln()),
        (0.983, (signals.chunk + 0.02).ln()),
        (0.124, (terms.title + 0.05).ln()),
        (0.427, terms.title),
        (0.059, terms.code),
        (0.282, terms.names),
        (0.806, signals.path),
        (0.906, hints.stem),
        (1.410, hints.scope),
        (0.950, hints.subject),
        (0.407, hints.mention),
        (-0.264, hints.qualified),
        (0.052, hints.tested),
        (-0.476, hints.folder),
        (0.115, f64::from(file.lines.max(1)).ln()),
        (-1.940, aside(file).min(2.0)),
        (
            -0.099,
            f64::from(!file.language.is_some_and(Language::is_code)),
        ),
        (0.612, terms.text),
        (-1.149, f64::from(file.flags.has(Flags::TEST))),
        (1.140, most(|chunk| chunk.related)),
        (0.567, most(|chunk| chunk.used)),
    ])
}

/// Where a file stands among all that are ranked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// How far it is from the best, as a logarithm: at most 0.
    pub(super) behind: f64,
    /// 1 for the best.
    pub(super) rank: u32,
}

/// The share of what a task is about that is expected in each chunk of a file.
pub(super) fn shares(ranked: &Ranked<'_>, standing: Standing) -> Vec<f64> {
    let chunks = ranked.chunks.iter();
    let best = chunks.fold(TermSignals::default(), |most, chunk| most.max(chunk.terms));
    let all = (0..ranked.chunks.len()).map(|at| share(ranked, (at, standing), &best).exp());
    all.collect()
}

fn share(ranked: &Ranked<'_>, (at, standing): (usize, Standing), best: &TermSignals) -> f64 {
    let signals = ranked.chunks.get(at).copied().unwrap_or_default();
    let chunk = ranked.file.chunks.get(at).copied();
    let kind = chunk.map_or(Kind::Code, |chunk| chunk.kind);
    let lines = chunk.map_or(1.0, |chunk| {
        f64::from(chunk.lines().len().try_into().unwrap_or(1_u32).max(1))
    });
    let is = |one: Kind| f64::from(kind == one);
    let ratio = |part: f64, best: f64| ((part + 0.03) / (best + 0.03)).ln();
    let terms = &signals.terms;
    let text = ratio(terms.text, best.text);
    sum([
        (-2.171, 1.0),
        (0.583, standing.behind),
        (-0.762, f64::from(standing.rank).ln()),
        (-0.606, f64::from(ranked.file.lines.max(1)).ln()),
        (0.617, text),
        (0.199, ratio(terms.title, best.title)),
        (0.298, terms.title),
        (0.863, terms.code),
        (0.248, terms.names),
        (0.185, signals.near),
        (0.271, signals.related),
        (0.560, lines.ln()),
        (0.151, is(Kind::Imports)),
        (-1.041, is(Kind::Comments)),
        (-0.328, is(Kind::Tests)),
        (-0.295, f64::from(at == 0)),
        (-0.538, is(Kind::Imports) * text),
        (-0.237, is(Kind::Tests) * text),
        (0.144, ratio(terms.code, best.code)),
        (-0.135, ratio(terms.names, best.names)),
        (0.795, terms.text),
        (0.109, signals.used),
    ])
}

fn sum<const N: usize>(terms: [(f64, f64); N]) -> f64 {
    terms.iter().map(|(weight, value)| weight * value).sum()
}
