//! What a task's text asks for: weighted terms, and the files and lines that it names.

use std::collections::{BTreeMap, BTreeSet};

use super::terms::{Part, each_term, is_stop};

/// No more of a task's text is read.
const MOST_BYTES: usize = 64 << 10;

/// A task's text, read.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// In the order of their texts.
    pub(super) terms: Vec<(String, Asked)>,
    /// Names of files or folders with at least one `/` or an ending.
    pub(super) paths: Vec<Mention>,
    /// Names such as `tower::util::Either`, in parts.
    pub(super) qualified: Vec<Vec<String>>,
    /// Words of a scope: `parser` of `fix(parser): …`.
    pub(super) scope: BTreeSet<String>,
}

/// How much a term is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) weight: f64,
    /// True if it is written as code somewhere.
    pub(super) code: bool,
    /// True if the first line has it.
    pub(super) title: bool,
}

/// A file that the text names, and maybe a line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) path: String,
    pub(super) line: Option<u32>,
}

/// How much words weigh by where they stand.
#[derive(Debug, Clone, Copy)]
struct Place {
    weight: f64,
    code: bool,
    title: bool,
}

const TITLE: Place = Place {
    weight: 2.0,
    code: false,
    title: true,
};
const BODY: Place = Place {
    weight: 1.0,
    code: false,
    title: false,
};
const TICKS: Place = Place {
    weight: 2.0,
    code: true,
    title: false,
};
const BLOCK: Place = Place {
    weight: 0.5,
    code: true,
    title: false,
};

impl Query {
    pub(super) fn read(text: &str) -> Self {
        let text = without_comments(crate::facts::cut(text, MOST_BYTES));
        let mut query = Self::default();
        let mut counts: BTreeMap<String, Asked> = BTreeMap::new();
        let mut lines = text.trim_start().lines();
        let title = lines.next().unwrap_or_default();
        let title = query.scope_of(title);
        inline(title, TITLE, &mut counts);
        let mut fenced = false;
        for line in lines {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if fenced || line.starts_with("    ") || line.starts_with('\t') {
                count(line, BLOCK, &mut counts);
            } else {
                inline(line, BODY, &mut counts);
            }
        }
        query.paths = mentions(&text);
        query.qualified.extend(qualified(&text));
        // the second time a word says less than the first
        query.terms = counts
            .into_iter()
            .map(|(term, asked)| {
                (
                    term,
                    Asked {
                        weight: damp(asked.weight),
                        ..asked
                    },
                )
            })
            .collect();
        query
    }

    /// Takes the scope off a title such as `fix(parser): …` or `parser: …`.
    fn scope_of<'a>(&mut self, title: &'a str) -> &'a str {
        let Some((head, rest)) = title.split_once(": ").filter(|(head, _)| head.len() <= 60) else {
            return title;
        };
        let head = head.trim_end_matches('!');
        let scope = match head.split_once('(') {
            Some((_, scope)) => scope.trim_end_matches(')'),
            None if head.contains(' ') => return title,
            None => head,
        };
        self.qualified.extend(qualified(&scope.replace('/', "::")));
        each_term(scope, |term, _| {
            if !KINDS.contains(&term) {
                self.scope.insert(term.to_owned());
            }
        });
        rest
    }
}

/// Kinds of change that commits begin with; they say nothing about a place.
const KINDS: &[&str] = &[
    "fix", "feat", "feature", "chore", "refactor", "perf", "doc", "docs", "test", "ci", "build",
    "style", "revert", "bug",
];

fn damp(weight: f64) -> f64 {
    if weight <= 1.0 {
        weight
    } else {
        1.0 + weight.ln()
    }
}

fn inline(line: &str, place: Place, counts: &mut BTreeMap<String, Asked>) {
    join(line, place, counts);
    for (piece, ticks) in line.split('`').zip([false, true].into_iter().cycle()) {
        count(
            piece,
            if ticks {
                Place {
                    title: place.title,
                    ..TICKS
                }
            } else {
                place
            },
            counts,
        );
    }
}

fn count(text: &str, place: Place, counts: &mut BTreeMap<String, Asked>) {
    each_term(text, |term, part| {
        let word = match part {
            Part::Of(word) | Part::Whole(word) => word,
        };
        if is_stop(term) || is_stop(word) || term.len() < 2 {
            return;
        }
        let asked = counts.entry(term.to_owned()).or_default();
        asked.weight += place.weight;
        asked.title |= place.title;
        asked.code |= place.code || matches!(part, Part::Whole(_));
    });
}

/// Neighbouring words as the one word that code may write them as: `working set`, `workingset`.
fn join(line: &str, place: Place, counts: &mut BTreeMap<String, Asked>) {
    let mut before: Option<String> = None;
    for word in line.split_whitespace() {
        let word = word
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        let plain = word.len() > 1 && word.chars().all(char::is_alphanumeric) && !is_stop(&word);
        if let Some(before) = before.filter(|_| plain) {
            for word in [&*word, word.strip_suffix('s').unwrap_or_default()] {
                if word.len() > 1 {
                    let asked = counts.entry(format!("{before}{word}")).or_default();
                    asked.weight += place.weight * 0.5;
                    asked.title |= place.title;
                    asked.code = true;
                }
            }
        }
        before = plain.then_some(word);
    }
}

fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = behind.split_once("-->").map_or("", |(_, behind)| behind);
    }
    kept.push_str(rest);
    kept
}

/// The names of files in a text, each with the line that is named beside it.
fn mentions(text: &str) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for line in text.lines() {
        let ends = |c: char| c.is_whitespace() || "\"'`()[]{}<>,;|*".contains(c);
        for word in line.split(ends) {
            let word = word.trim_end_matches(['.', ':', '!', '?']);
            if let Some(mention) = mention(word, line)
                && found.len() < 200
                && !found.contains(&mention)
            {
                found.push(mention);
            }
        }
    }
    found
}

fn mention(word: &str, line: &str) -> Option<Mention> {
    if word.len() > 300 || word.contains("://") {
        return None;
    }
    let mut parts = word.split(':');
    let path = parts
        .next()?
        .trim_start_matches("./")
        .trim_start_matches('/');
    let number = parts
        .next()
        .and_then(|n| n.parse().ok())
        .or_else(|| traced(line, path));
    let name = path.rsplit('/').next()?;
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let named = !stem.is_empty()
        && (1..=5).contains(&ending.len())
        && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    let nested = path.contains('/') && path.split('/').all(|part| !part.is_empty());
    (named || nested).then(|| Mention {
        path: path.replace('\\', "/"),
        line: number,
    })
}

/// The line of `File "path", line 12`.
fn traced(line: &str, path: &str) -> Option<u32> {
    let (_, behind) = line.split_once(path)?;
    let (_, number) = behind
        .split_once("line ")
        .filter(|(between, _)| between.len() < 6)?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The names of a text that have several parts, each part without `_`, `-` and capitals.
fn qualified(text: &str) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'));
    for word in text.split(ends).filter(|word| word.len() < 200) {
        let parts: Vec<String> = word
            .split([':', '.'])
            .filter(|part| !part.is_empty())
            .map(plain)
            .collect();
        let names = parts
            .iter()
            .all(|part| part.starts_with(|c: char| c.is_alphabetic()));
        if names && (2..=8).contains(&parts.len()) && found.len() < 100 && !found.contains(&parts) {
            found.push(parts);
        }
    }
    found
}

/// A name as paths and modules share it.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}
