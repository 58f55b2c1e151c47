use super::{
    chunks::Kind,
    index::{File, Index},
    index_of,
    query::{Asked, Query},
    real,
    weights::Weights,
};
use crate::facts::{Flags, Language};

/// A file that may matter, and what its chunks are worth.
#[derive(Debug)]
pub(super) struct Ranked<'a> {
    pub(super) file: &'a File,
    pub(super) signals: FileSignals,
    pub(super) chunks: Vec<ChunkSignals>,
}

/// What speaks for a file, each from 0 to 1: the best file of the query has 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FileSignals {
    pub(super) terms: TermSignals,
    /// The worth of the terms that its path has.
    pub(super) path: f64,
    /// The score of its best chunk.
    pub(super) chunk: f64,
    pub(super) hints: Hints,
    /// All together.
    pub(super) score: f64,
}

/// What terms say of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TermSignals {
    /// BM25(F) of all terms.
    pub(super) text: f64,
    /// The same of those in the title alone.
    pub(super) title: f64,
    /// The same of those that are written as code.
    pub(super) code: f64,
    /// The worth of the terms that names in it have.
    pub(super) names: f64,
}

impl TermSignals {
    fn add(&mut self, sought: &Sought<'_>, tf: f64, named: bool) {
        let gain = sought.worth * tf / (K1 + tf);
        self.text += gain;
        self.title += if sought.asked.title { gain } else { 0.0 };
        self.code += if sought.asked.code { gain } else { 0.0 };
        self.names += if named { sought.worth } else { 0.0 };
    }

    fn max(self, other: Self) -> Self {
        Self {
            text: self.text.max(other.text),
            title: self.title.max(other.title),
            code: self.code.max(other.code),
            names: self.names.max(other.names),
        }
    }

    fn over(self, most: Self) -> Self {
        let share = |part: f64, most: f64| if most > 0.0 { part / most } else { 0.0 };
        Self {
            text: share(self.text, most.text),
            title: share(self.title, most.title),
            code: share(self.code, most.code),
            names: share(self.names, most.names),
        }
    }
}

/// What the task says outright.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hints {
    /// 1 if the task names the file.
    pub(super) mention: f64,
    /// Up to 1 if the scope of the task is in its path: the fewer paths have it, the more.
    pub(super) scope: f64,
    /// 1 if a word of the scope is its own name.
    pub(super) subject: f64,
    /// The share of the file's own name that the task has.
    pub(super) stem: f64,
    /// The largest share of a qualified name that is in its path.
    pub(super) qualified: f64,
    /// The score of its tests.
    pub(super) tested: f64,
    /// The best score in its folder, itself not counted.
    pub(super) folder: f64,
}

/// What speaks for a chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ChunkSignals {
    pub(super) terms: TermSignals,
    /// The better of its neighbours' scores.
    pub(super) near: f64,
    /// The worth of names that it shares with what the best chunks define.
    pub(super) related: f64,
    /// The worth of names that it defines and the best chunks use.
    pub(super) used: f64,
}

/// Saturation of repeated terms.
const K1: f64 = 1.2;
/// Files whose chunks are looked at.
const DEEP: usize = 200;

/// The files that have a term of the query, best first.
pub(super) fn rank<'a>(index: &'a Index, query: &Query, weights: &Weights) -> Vec<Ranked<'a>> {
    let terms = sought(index, query);
    let mut signals = by_text(index, &terms, weights);
    let most = signals.iter().fold(TermSignals::default(), |most, s| most.max(s.terms));
    let path = signals.iter().map(|s| s.path).fold(1e-9, f64::max);
    for s in &mut signals {
        (s.terms, s.path) = (s.terms.over(most), s.path / path);
    }
    hints(index, query, &mut signals);
    let mut order: Vec<(FileSignals, &File, u32)> = Vec::new();
    for (s, id) in signals.iter_mut().zip(0_u32..) {
        if let Some(file) = index.file(id).filter(|_| s.terms.text + s.path + s.hints.mention + s.hints.scope > 0.0) {
            s.score = (s.terms.text + weights.mention * s.hints.mention + weights.scope * s.hints.scope) * prior(file, weights);
            order.push((*s, file, id));
        }
    }
    order.sort_unstable_by(|a, b| b.0.score.total_cmp(&a.0.score).then_with(|| a.1.path.cmp(&b.1.path)));
    order.truncate(DEEP);
    let mut deep = vec![None; index.files.len()];
    let mut ranked: Vec<Ranked<'a>> = Vec::new();
    for (signals, file, id) in order {
        if let Some(deep) = deep.get_mut(index_of(id)) {
            *deep = Some(ranked.len());
        }
        ranked.push(Ranked { file, signals, chunks: vec![ChunkSignals::default(); file.chunks.len()] });
    }
    by_chunk(index, &terms, weights, &deep, &mut ranked);
    normalise(&mut ranked);
    relate(index, &deep, &mut ranked);
    use_of(index, &deep, &mut ranked);
    for ranked in &mut ranked {
        ranked.signals.chunk = ranked.chunks.iter().map(|c| c.terms.text).fold(0.0, f64::max);
        ranked.signals.score += weights.chunk * ranked.signals.chunk * prior(ranked.file, weights);
    }
    ranked.sort_by(|a, b| b.signals.score.total_cmp(&a.signals.score).then_with(|| a.file.path.cmp(&b.file.path)));
    ranked
}

fn normalise(ranked: &mut [Ranked<'_>]) {
    let most = ranked.iter().flat_map(|r| &r.chunks).fold(TermSignals::default(), |most, c| most.max(c.terms));
    for ranked in ranked {
        for chunk in &mut ranked.chunks {
            chunk.terms = chunk.terms.over(most);
        }
        let texts: Vec<f64> = ranked.chunks.iter().map(|c| c.terms.text).collect();
        for (at, chunk) in ranked.chunks.iter_mut().enumerate() {
            let before = at.checked_sub(1).and_then(|at| texts.get(at)).copied().unwrap_or_default();
            chunk.near = before.max(texts.get(at + 1).copied().unwrap_or_default());
        }
    }
}

/// The best chunks define names; other chunks that use or define these are related.
fn relate(index: &Index, deep: &[Option<usize>], ranked: &mut [Ranked<'_>]) {
    const BEST: usize = 12;
    let mut best: Vec<(f64, usize, usize)> = Vec::new();
    for (place, r) in ranked.iter().enumerate().take(30) {
        let weigh = 1.0 / (1.0 + aside(r.file));
        best.extend(r.chunks.iter().enumerate().map(|(at, c)| (c.terms.text * weigh, place, at)));
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    best.truncate(BEST);
    let mut names: std::collections::BTreeMap<String, f64> = std::collections::BTreeMap::new();
    for (score, place, at) in best {
        let Some(r) = ranked.get(place) else { continue };
        let Some(chunk) = r.file.chunks.get(at) else { continue };
        for symbol in r.file.symbols.iter().filter(|s| chunk.lines().contains(&s.line.saturating_sub(1))) {
            let mut whole = String::new();
            super::terms::each_term(&symbol.name, |term, _| whole = term.to_owned());
            let worth = names.entry(whole).or_default();
            *worth = worth.max(score);
        }
    }
    let files = real(u64::from(super::number(index.len())));
    let mut most = 1e-9_f64;
    for (name, score) in &names {
        let postings = index.postings(name);
        let having = f64::from(super::number(postings.len()));
        let worth = score * (1.0 + (files - having + 0.5) / (having + 0.5)).ln();
        for posting in postings {
            let Some(at) = deep.get(index_of(posting.file)).copied().flatten() else { continue };
            let Some(ranked) = ranked.get_mut(at) else { continue };
            for hit in ranked.file.hits(posting.entry) {
                if let Some(chunk) = ranked.chunks.get_mut(usize::from(hit.chunk)) {
                    chunk.related += worth;
                    most = most.max(chunk.related);
                }
            }
        }
    }
    for chunk in ranked.iter_mut().flat_map(|r| &mut r.chunks) {
        chunk.related /= most;
    }
}

/// The best chunks use names; chunks of other files that define these are used.
fn use_of(index: &Index, deep: &[Option<usize>], ranked: &mut [Ranked<'_>]) {
    let mut best: Vec<(f64, usize, usize)> = Vec::new();
    for (place, r) in ranked.iter().enumerate().take(30) {
        let weigh = 1.0 / (1.0 + 2.0 * aside(r.file));
        best.extend(r.chunks.iter().enumerate().map(|(at, c)| (c.terms.text * weigh, place, at)));
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    best.truncate(16);
    let mut terms: std::collections::BTreeMap<u32, (f64, usize)> = std::collections::BTreeMap::new();
    for (score, place, at) in best {
        let Some(r) = ranked.get(place) else { continue };
        for (entry, n) in r.file.terms.iter().zip(0_u32..) {
            if r.file.hits(n).iter().any(|hit| usize::from(hit.chunk) == at && hit.named == 0) {
                let worth = terms.entry(entry.term).or_insert((0.0, place));
                worth.0 = worth.0.max(score);
            }
        }
    }
    let files = real(u64::from(super::number(index.len())));
    let mut most = 1e-9_f64;
    for (term, (score, from)) in terms {
        let postings = index.postings.get(index_of(term)).map_or(&[][..], Vec::as_slice);
        let defined = postings.iter().filter(|p| p.named > 0).count();
        if defined == 0 || defined > 3 { continue; }
        let worth = score * (1.0 + (files + 0.5) / (real(postings.len() as u64) + 0.5)).ln() / real(defined as u64);
        for posting in postings.iter().filter(|p| p.named > 0) {
            let Some(at) = deep.get(index_of(posting.file)).copied().flatten().filter(|at| *at != from) else { continue };
            let Some(ranked) = ranked.get_mut(at) else { continue };
            for hit in ranked.file.hits(posting.entry).iter().filter(|hit| hit.named > 0) {
                if let Some(chunk) = ranked.chunks.get_mut(usize::from(hit.chunk)) {
                    chunk.used += worth;
                    most = most.max(chunk.used);
                }
            }
        }
    }
    for chunk in ranked.iter_mut().flat_map(|r| &mut r.chunks) {
        chunk.used /= most;
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
        (having > 0.0).then_some(Sought { text, asked: *asked, worth })
    });
    terms.collect()
}

fn by_text(index: &Index, terms: &[Sought<'_>], weights: &Weights) -> Vec<FileSignals> {
    let mut signals = vec![FileSignals::default(); index.files.len()];
    let mean = index.mean_length().max(1.0);
    for term in terms {
        for posting in index.postings(term.text) {
            let Some(file) = index.file(posting.file) else { continue };
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

/// Marks what the task says outright, and what the rest of the tree says of a file.
fn hints(index: &Index, query: &Query, signals: &mut [FileSignals]) {
    let asked: std::collections::BTreeSet<&str> =
        query.terms.iter().map(|(term, _)| &**term).chain(query.scope.iter().map(|s| &**s)).collect();
    let mut tested: std::collections::BTreeMap<String, f64> = std::collections::BTreeMap::new();
    let mut folders: std::collections::BTreeMap<&str, (f64, f64)> = std::collections::BTreeMap::new();
    for (path, id) in index.paths() {
        let (Some(signals), Some(file)) = (signals.get(index_of(id)), index.file(id)) else { continue };
        let text = signals.terms.text;
        if file.flags.has(Flags::TEST) {
            let stem = subject(stem(path));
            let best = tested.entry(stem).or_default();
            *best = best.max(text);
        } else {
            let best = folders.entry(folder(path)).or_default();
            *best = if text > best.0 { (text, best.0) } else { (best.0, best.1.max(text)) };
        }
    }
    let mut scopes: std::collections::BTreeMap<&str, u32> = query.scope.iter().map(|word| (&**word, 0)).collect();
    for (path, _) in index.paths().filter(|_| !query.scope.is_empty()) {
        let mut seen = std::collections::BTreeSet::new();
        super::terms::each_term(path, |term, _| {
            if let Some(word) = query.scope.get(term) {
                seen.insert(&**word);
            }
        });
        for word in seen {
            *scopes.entry(word).or_default() += 1;
        }
    }
    let files = real(index.len() as u64).max(2.0);
    for (path, id) in index.paths() {
        let Some(signals) = signals.get_mut(index_of(id)) else { continue };
        let text = signals.terms.text;
        let hints = &mut signals.hints;
        hints.mention = f64::from(query.paths.iter().any(|mention| names(&mention.path, path)));
        super::terms::each_term(path, |term, _| {
            if let Some(having) = scopes.get(term) {
                hints.scope = hints.scope.max((files / f64::from(*having)).ln() / files.ln());
            }
        });
        let own = match stem(path) {
            "mod" | "lib" | "main" | "index" | "__init__" => stem(folder(path)),
            own => own,
        };
        let (mut all, mut got) = (0_u32, 0_u32);
        super::terms::each_term(own, |term, part| {
            if matches!(part, super::terms::Part::Of(_)) {
                all += 1;
                got += u32::from(asked.contains(term));
            }
        });
        hints.subject = 0.0;
        super::terms::each_term(own, |term, _| {
            if query.scope.contains(term) && (all == 1 || !term.is_empty() && super::query::plain(own).len() <= term.len() + 1) {
                hints.subject = 1.0;
            }
        });
        hints.stem = if all == 0 { 0.0 } else { f64::from(got) / f64::from(all) };
        hints.tested = tested.get(&super::query::plain(own)).copied().unwrap_or_default();
        let (first, second) = folders.get(folder(path)).copied().unwrap_or_default();
        hints.folder = if text >= first { second } else { first };
        if !query.qualified.is_empty() {
            let parts: Vec<String> = path.split(['/', '.']).map(super::query::plain).collect();
            for name in &query.qualified {
                let got = name.iter().filter(|part| parts.contains(part)).count();
                if got > 1 || (got == 1 && name.len() == 2) {
                    hints.qualified = hints.qualified.max(real(got as u64) / real(name.len() as u64));
                }
            }
        }
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.split('.').next().unwrap_or(name)
}

/// What a test with this name tests.
fn subject(stem: &str) -> String {
    let stem = stem.strip_prefix("test_").unwrap_or(stem);
    let stem = stem.strip_suffix("_test").or_else(|| stem.strip_suffix("_tests")).unwrap_or(stem);
    super::query::plain(stem)
}

/// True if a mention is the end of this path.
fn names(mention: &str, path: &str) -> bool {
    let short = path.strip_suffix(mention).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    let long = mention.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    short || long
}

pub(super) fn aside(file: &File) -> f64 {
    let mut count = 0.0;
    for flag in [Flags::TEST, Flags::DOC, Flags::EXAMPLE, Flags::VENDORED, Flags::GENERATED, Flags::LOCK] {
        count += f64::from(file.flags.has(flag));
    }
    count + f64::from(!file.language.is_some_and(Language::is_code))
}

fn prior(file: &File, weights: &Weights) -> f64 {
    weights.aside.powf(aside(file))
}

fn by_chunk(index: &Index, terms: &[Sought<'_>], weights: &Weights, deep: &[Option<usize>], ranked: &mut [Ranked<'_>]) {
    for term in terms {
        for posting in index.postings(term.text) {
            let Some(at) = deep.get(index_of(posting.file)).copied().flatten() else { continue };
            let Some(ranked) = ranked.get_mut(at) else { continue };
            for hit in ranked.file.hits(posting.entry) {
                let tf = f64::from(hit.count) + weights.symbol * f64::from(hit.named);
                if let Some(signals) = ranked.chunks.get_mut(usize::from(hit.chunk)) {
                    signals.terms.add(term, tf, hit.named > 0);
                }
            }
        }
    }
}

pub(super) const NF: usize = 22;
pub(super) const FILE_NAMES: [&str; NF] = [
    "bias", "ln text", "ln chunk", "ln title", "title", "code", "names", "path", "stem", "scope", "subject", "mention", "qualified", "tested",
    "folder", "ln lines", "aside", "not code", "text", "test", "related", "used",
];

/// What the probability of a file is made of.
pub(super) fn file_features(r: &Ranked<'_>) -> [f64; NF] {
    let s = &r.signals;
    [
        1.0,
        (s.terms.text + 0.02).ln(),
        (s.chunk + 0.02).ln(),
        (s.terms.title + 0.05).ln(),
        s.terms.title,
        s.terms.code,
        s.terms.names,
        s.path,
        s.hints.stem,
        s.hints.scope,
        s.hints.subject,
        s.hints.mention,
        s.hints.qualified,
        s.hints.tested,
        s.hints.folder,
        f64::from(r.file.lines.max(1)).ln(),
        aside(r.file).min(2.0),
        f64::from(!r.file.language.is_some_and(Language::is_code)),
        s.terms.text,
        f64::from(r.file.flags.has(Flags::TEST)),
        r.chunks.iter().map(|c| c.related).fold(0.0, f64::max),
        r.chunks.iter().map(|c| c.used).fold(0.0, f64::max),
    ]
}

pub(super) const NC: usize = 22;
pub(super) const CHUNK_NAMES: [&str; NC] = [
    "bias", "ln file", "ln rank", "ln lines of file", "ln chunk", "ln title", "title", "code", "names", "near", "related", "ln lines",
    "imports", "comments", "tests", "first", "imports*ln chunk", "tests*ln chunk", "ln code", "ln names", "text", "used",
];

/// What the expected share of the wanted lines in a chunk is made of.
pub(super) fn chunk_features(r: &Ranked<'_>, at: usize) -> [f64; NC] {
    let c = r.chunks.get(at).copied().unwrap_or_default();
    let chunk = r.file.chunks.get(at).copied();
    let kind = chunk.map_or(Kind::Code, |c| c.kind);
    let lines = chunk.map_or(1.0, |c| f64::from(c.end - c.start));
    let is = |k: Kind| f64::from(kind == k);
    let best = r.chunks.iter().fold(TermSignals::default(), |most, c| most.max(c.terms));
    let ratio = |a: f64, b: f64| ((a + 0.03) / (b + 0.03)).ln();
    let text = ratio(c.terms.text, best.text);
    [
        1.0,
        0.0,
        0.0,
        f64::from(r.file.lines.max(1)).ln(),
        text,
        ratio(c.terms.title, best.title),
        c.terms.title,
        c.terms.code,
        c.terms.names,
        c.near,
        c.related,
        lines.ln(),
        is(Kind::Imports),
        is(Kind::Comments),
        is(Kind::Tests),
        f64::from(at == 0),
        is(Kind::Imports) * text,
        is(Kind::Tests) * text,
        ratio(c.terms.code, best.code),
        ratio(c.terms.names, best.names),
        c.terms.text,
        c.used,
    ]
}
