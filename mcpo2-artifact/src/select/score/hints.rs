use std::collections::{BTreeMap, BTreeSet};

use super::FileSignals;
use crate::{
    facts::Flags,
    select::{
        index::Index,
        index_of, number,
        query::{Query, plain},
        real,
        terms::{Part, each_term},
    },
};

/// Marks what the task says outright, and what the rest of the tree says of a file.
pub(super) fn hints(index: &Index, query: &Query, signals: &mut [FileSignals]) {
    let tree = Tree::of(index, query, signals);
    for (path, id) in index.paths() {
        let Some(signals) = signals.get_mut(index_of(id)) else {
            continue;
        };
        let text = signals.terms.text;
        let own = own_name(path);
        let hints = &mut signals.hints;
        hints.mention = f64::from(query.paths.iter().any(|mention| names(&mention.path, path)));
        hints.scope = tree.scope(path);
        (hints.stem, hints.subject) = tree.stem(own, query);
        hints.tested = tree.tested.get(&plain(own)).copied().unwrap_or_default();
        let (first, second) = tree.folders.get(folder(path)).copied().unwrap_or_default();
        hints.folder = if text >= first { second } else { first };
        hints.qualified = qualified(path, query);
    }
}

/// What the whole tree says, before any file is looked at.
struct Tree<'a> {
    /// All terms of the task, those of its scope included.
    asked: BTreeSet<&'a str>,
    /// The best score of the tests of each subject.
    tested: BTreeMap<String, f64>,
    /// The two best scores in each folder.
    folders: BTreeMap<&'a str, (f64, f64)>,
    /// How many paths have each word of the scope.
    scopes: BTreeMap<&'a str, u32>,
    files: f64,
}

impl<'a> Tree<'a> {
    fn of(index: &'a Index, query: &'a Query, signals: &[FileSignals]) -> Self {
        let terms = query.terms.iter().map(|(term, _)| &**term);
        let scope = query.scope.iter().map(|word| &**word);
        let mut tree = Self {
            asked: terms.chain(scope.clone()).collect(),
            tested: BTreeMap::new(),
            folders: BTreeMap::new(),
            scopes: scope.map(|word| (word, 0)).collect(),
            files: real(u64::from(number(index.len()))).max(2.0),
        };
        for (path, id) in index.paths() {
            tree.count(path);
            if let (Some(signals), Some(file)) = (signals.get(index_of(id)), index.file(id)) {
                tree.hear(path, signals.terms.text, file.flags.has(Flags::TEST));
            }
        }
        tree
    }

    fn count(&mut self, path: &str) {
        if self.scopes.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        each_term(path, |term, _| {
            if self.scopes.contains_key(term) {
                seen.insert(term.to_owned());
            }
        });
        for word in seen {
            if let Some(having) = self.scopes.get_mut(&*word) {
                *having += 1;
            }
        }
    }

    fn hear(&mut self, path: &'a str, text: f64, is_test: bool) {
        if is_test {
            let best = self.tested.entry(subject(stem(path))).or_default();
            *best = best.max(text);
            return;
        }
        let best = self.folders.entry(folder(path)).or_default();
        *best = match text > best.0 {
            true => (text, best.0),
            false => (best.0, best.1.max(text)),
        };
    }

    /// The rarest word of the scope that is in this path, as a share of the rarest there could be.
    fn scope(&self, path: &str) -> f64 {
        let mut scope = 0.0_f64;
        each_term(path, |term, _| {
            if let Some(having) = self.scopes.get(term).filter(|having| **having > 0) {
                scope = scope.max((self.files / f64::from(*having)).ln() / self.files.ln());
            }
        });
        scope
    }

    /// The share of a file's own name that the task has, and 1 if a word of the scope is that name.
    fn stem(&self, own: &str, query: &Query) -> (f64, f64) {
        let (mut all, mut got) = (0_u32, 0_u32);
        each_term(own, |term, part| {
            if matches!(part, Part::Of(_)) {
                all += 1;
                got += u32::from(self.asked.contains(term));
            }
        });
        let mut subject = 0.0;
        each_term(own, |term, _| {
            let is_whole = all == 1 || (!term.is_empty() && plain(own).len() <= term.len() + 1);
            if is_whole && query.scope.contains(term) {
                subject = 1.0;
            }
        });
        let share = match all {
            0 => 0.0,
            all => f64::from(got) / f64::from(all),
        };
        (share, subject)
    }
}

/// The largest share of a qualified name that is in this path.
fn qualified(path: &str, query: &Query) -> f64 {
    if query.qualified.is_empty() {
        return 0.0;
    }
    let parts: Vec<String> = path.split(['/', '.']).map(plain).collect();
    let shares = query.qualified.iter().map(|name| {
        let got = name.iter().filter(|part| parts.contains(part)).count();
        match got > 1 || (got == 1 && name.len() == 2) {
            true => f64::from(number(got)) / f64::from(number(name.len().max(1))),
            false => 0.0,
        }
    });
    shares.fold(0.0, f64::max)
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.split('.').next().unwrap_or(name)
}

/// The name that says what a file is about: its folder's, where its own says nothing.
fn own_name(path: &str) -> &str {
    match stem(path) {
        "mod" | "lib" | "main" | "index" | "__init__" => stem(folder(path)),
        own => own,
    }
}

/// What a test with this name tests.
fn subject(stem: &str) -> String {
    let stem = stem.strip_prefix("test_").unwrap_or(stem);
    let ending = stem
        .strip_suffix("_test")
        .or_else(|| stem.strip_suffix("_tests"));
    plain(ending.unwrap_or(stem))
}

/// True if a mention is the end of this path, or this path of it.
fn names(mention: &str, path: &str) -> bool {
    let is_end = |long: &str, short: &str| {
        let rest = long.strip_suffix(short);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    is_end(path, mention) || is_end(mention, path)
}
