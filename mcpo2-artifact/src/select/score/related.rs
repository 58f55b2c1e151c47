use std::collections::BTreeMap;

use super::{Places, Ranked, aside};
use crate::select::{
    index::{Index, Posting},
    index_of, number, real,
    terms::each_term,
};

/// Files whose chunks are among the best.
const FILES: usize = 30;

/// The best chunks, each with its score, its file's place and its own in it.
fn best(ranked: &[Ranked<'_>], least: f64, most: usize) -> Vec<(f64, usize, usize)> {
    let mut best: Vec<(f64, usize, usize)> = Vec::new();
    for (place, file) in ranked.iter().enumerate().take(FILES) {
        let weigh = 1.0 / (1.0 + least * aside(file.file));
        let chunks = file.chunks.iter().enumerate();
        best.extend(chunks.map(|(at, chunk)| (chunk.terms.text * weigh, place, at)));
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    best.truncate(most);
    best
}

/// The best chunks define names; other chunks that use or define these are related.
pub(super) fn relate(index: &Index, places: &Places, ranked: &mut [Ranked<'_>]) {
    let mut names: BTreeMap<String, f64> = BTreeMap::new();
    for (score, place, at) in best(ranked, 1.0, 12) {
        let Some(file) = ranked.get(place).map(|ranked| ranked.file) else {
            continue;
        };
        let Some(chunk) = file.chunks.get(at) else {
            continue;
        };
        let within = |line: u32| chunk.lines().contains(&line.saturating_sub(1));
        for symbol in file.symbols.iter().filter(|symbol| within(symbol.line)) {
            let mut whole = String::new();
            each_term(&symbol.name, |term, _| term.clone_into(&mut whole));
            let worth = names.entry(whole).or_default();
            *worth = worth.max(score);
        }
    }
    let mut most = 1e-9_f64;
    for (name, score) in &names {
        let postings = index.postings(name);
        let worth = score * rarity(index, postings.len());
        for posting in postings {
            let hits = chunks_of(places, ranked, posting, None, |_| true);
            for chunk in hits {
                chunk.related += worth;
                most = most.max(chunk.related);
            }
        }
    }
    for chunk in ranked.iter_mut().flat_map(|ranked| &mut ranked.chunks) {
        chunk.related /= most;
    }
}

/// The best chunks use names; chunks of other files that define these are used.
pub(super) fn use_of(index: &Index, places: &Places, ranked: &mut [Ranked<'_>]) {
    let mut most = 1e-9_f64;
    for (term, (score, from)) in used_terms(ranked) {
        let postings = index.postings.get(index_of(term));
        let postings = postings.map_or(&[][..], Vec::as_slice);
        let defined = postings.iter().filter(|posting| posting.named > 0).count();
        if defined == 0 || defined > 3 {
            continue;
        }
        let worth = score * rarity(index, postings.len()) / f64::from(number(defined));
        for posting in postings.iter().filter(|posting| posting.named > 0) {
            for chunk in chunks_of(places, ranked, posting, Some(from), |named| named) {
                chunk.used += worth;
                most = most.max(chunk.used);
            }
        }
    }
    for chunk in ranked.iter_mut().flat_map(|ranked| &mut ranked.chunks) {
        chunk.used /= most;
    }
}

/// The terms that the best chunks use and do not define, each with the best score and its file.
fn used_terms(ranked: &[Ranked<'_>]) -> BTreeMap<u32, (f64, usize)> {
    let mut terms: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
    for (score, place, at) in best(ranked, 2.0, 16) {
        let Some(file) = ranked.get(place).map(|ranked| ranked.file) else {
            continue;
        };
        for (entry, n) in file.terms.iter().zip(0_u32..) {
            let mut hits = file.hits(n).iter();
            if hits.any(|hit| usize::from(hit.chunk) == at && hit.named == 0) {
                let worth = terms.entry(entry.term).or_insert((0.0, place));
                worth.0 = worth.0.max(score);
            }
        }
    }
    terms
}

/// The chunks that have a term, of a file that is ranked and not at `except`; `takes` is asked
/// whether the chunk defines it.
fn chunks_of<'r>(
    places: &Places,
    ranked: &'r mut [Ranked<'_>],
    posting: &Posting,
    except: Option<usize>,
    takes: fn(bool) -> bool,
) -> impl Iterator<Item = &'r mut super::ChunkSignals> {
    let place = places.get(index_of(posting.file)).copied().flatten();
    let place = place.filter(|place| Some(*place) != except);
    let ranked = place.and_then(|place| ranked.get_mut(place));
    ranked.into_iter().flat_map(move |ranked| {
        let hits = ranked.file.hits(posting.entry);
        let chunks = ranked.chunks.iter_mut().enumerate();
        chunks.filter_map(move |(at, chunk)| {
            let at = hits
                .binary_search_by_key(&at, |hit| usize::from(hit.chunk))
                .ok()?;
            hits.get(at)
                .filter(|hit| takes(hit.named > 0))
                .map(|_| chunk)
        })
    })
}

/// The fewer files have a term, the more it says.
fn rarity(index: &Index, having: usize) -> f64 {
    let (files, having) = (real_number(index.len()), real_number(having));
    (1.0 + (files - having + 0.5).max(0.5) / (having + 0.5)).ln()
}

fn real_number(count: usize) -> f64 {
    real(u64::from(number(count)))
}
