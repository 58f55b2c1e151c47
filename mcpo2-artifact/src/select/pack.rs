use std::ops::{Range, RangeInclusive};

use mcpo2_core::Digest;
use serde_json::{Value, json};

use super::{
    choose::choose,
    index::{Index, Texts},
    query::Query,
    render::Format,
    score::rank,
    source::Source,
    tokenizer::Tokenizer,
    weights::Weights,
};

/// Files of which something may be in a pack.
const FILES: usize = 120;
/// Files that a pack says it left out, and that its trace has.
const TOLD: usize = 20;
/// Names of each file that is left out.
const NAMES: usize = 12;
/// What chunks cost is known only when they are written; what is left then is filled again.
const ROUNDS: usize = 2;

/// What to select for.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SelectRequest<'a> {
    /// The task, in words.
    pub query: &'a str,
    /// The most tokens that the pack may take as it is written.
    pub budget: u64,
    /// Paths that come before all others; one that ends with `/` is a folder with all in it.
    pub pinned: &'a [&'a str],
    /// How it is written.
    pub format: Format,
    /// How to weigh.
    pub weights: Weights,
}

impl<'a> SelectRequest<'a> {
    /// For this task, within so many tokens, as elements, weighed as usual.
    #[must_use]
    pub fn new(query: &'a str, budget: u64) -> Self {
        Self {
            query,
            budget,
            ..Self::default()
        }
    }

    pub(super) fn pins(&self, path: &str) -> bool {
        let mut pinned = self.pinned.iter();
        pinned.any(|pin| *pin == path || (pin.ends_with('/') && path.starts_with(pin)))
    }
}

/// Lines of a file that are in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The path of the file.
    pub path: Box<str>,
    /// The digest of the whole file.
    pub digest: Digest,
    /// The lines, counted from one.
    pub lines: RangeInclusive<u32>,
    /// The bytes.
    pub bytes: Range<u64>,
}

/// A file that seemed to matter and of which nothing is in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Omitted {
    /// Its path.
    pub path: Box<str>,
    /// How many lines it has.
    pub lines: u32,
    /// Some of the names that it defines.
    pub outline: Box<str>,
}

/// What spoke for a file.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Traced {
    /// Its path.
    pub path: Box<str>,
    /// The share of what is wanted that was expected in it.
    pub expected: f64,
    /// What that rests on, each from 0 to 1.
    pub signals: [(&'static str, f64); 8],
}

/// What was selected.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pack {
    /// The excerpts: the most promising file first, and of each file in the order of its lines.
    pub items: Vec<Item>,
    /// Files that were left out, the most promising first.
    pub omitted: Vec<Omitted>,
    /// The pack as it is written.
    pub text: String,
    /// How many tokens that is: never more than the budget.
    pub used: u64,
    /// The budget.
    pub budget: u64,
    /// What counted.
    pub tokenizer: Box<str>,
    /// Why the best files are the best.
    pub trace: Vec<Traced>,
}

impl Pack {
    /// The pack as the result of a tool.
    #[must_use]
    pub fn to_tool_result(&self) -> Value {
        json!({ "content": [{ "type": "text", "text": self.text }], "isError": false })
    }
}

/// Selects what the task needs. The pack, as it is written, is never over the budget; where even an
/// empty one is, it is empty text.
///
/// The same index, request and texts give the same pack.
#[must_use]
pub fn select(
    request: &SelectRequest<'_>,
    index: &Index,
    texts: &dyn Texts,
    tokenizer: &dyn Tokenizer,
) -> Pack {
    let ranked = rank(index, &Query::read(request.query), request);
    let mut sources = Source::all(ranked, texts, |at, path| at < FILES || request.pins(path));
    let (mut taken, mut written) = (Vec::new(), Written::of(request, &sources, tokenizer));
    for _ in 0..ROUNDS {
        let left = request.budget.saturating_sub(written.used);
        taken.extend(choose(request, &mut sources, tokenizer, left));
        written = Written::of(request, &sources, tokenizer);
    }
    while written.used > request.budget {
        let Some((file, chunk)) = taken.pop() else {
            written = Written::default();
            break;
        };
        if let Some(source) = sources.get_mut(file) {
            source.taken.remove(&chunk);
        }
        written.write_again(request, (&sources, file), tokenizer);
    }
    let (text, used) = written.with_omitted(request, &sources, tokenizer);
    Pack {
        items: sources.iter().flat_map(items).collect(),
        omitted: omitted(&sources).collect(),
        text,
        used,
        budget: request.budget,
        tokenizer: tokenizer.name().into(),
        trace: sources.iter().take(TOLD).map(traced).collect(),
    }
}

/// A pack as it is written, file by file, each with its tokens.
#[derive(Default)]
struct Written {
    begin: String,
    files: Vec<(String, u64)>,
    end: String,
    /// The tokens of all.
    used: u64,
}

impl Written {
    fn of(request: &SelectRequest<'_>, sources: &[Source<'_>], tokenizer: &dyn Tokenizer) -> Self {
        let files = sources
            .iter()
            .map(|source| counted(request, source, tokenizer));
        let mut written = Self {
            begin: request.format.begin().to_owned(),
            files: files.collect(),
            end: request.format.end().to_owned(),
            used: 0,
        };
        written.count(tokenizer);
        written
    }

    fn write_again(
        &mut self,
        request: &SelectRequest<'_>,
        (sources, file): (&[Source<'_>], usize),
        tokenizer: &dyn Tokenizer,
    ) {
        if let (Some(slot), Some(source)) = (self.files.get_mut(file), sources.get(file)) {
            *slot = counted(request, source, tokenizer);
        }
        self.count(tokenizer);
    }

    fn count(&mut self, tokenizer: &dyn Tokenizer) {
        self.used = match tokenizer.adds_up_at_lines() {
            true => {
                let frame = tokenizer.count(&self.begin) + tokenizer.count(&self.end);
                self.files.iter().map(|(_, tokens)| tokens).sum::<u64>() + frame
            }
            false => tokenizer.count(&self.text("")),
        };
    }

    fn text(&self, omitted: &str) -> String {
        let files: String = self.files.iter().map(|(text, _)| text.as_str()).collect();
        format!("{}{files}{omitted}{}", self.begin, self.end)
    }

    /// The text, with as many of the files that were left out as there is room for.
    fn with_omitted(
        &self,
        request: &SelectRequest<'_>,
        sources: &[Source<'_>],
        tokenizer: &dyn Tokenizer,
    ) -> (String, u64) {
        let format = request.format;
        let mut lines = String::new();
        let mut best = (self.text(""), self.used);
        for file in omitted(sources) {
            let path = file.path.replace(['\n', '\r'], " ");
            lines.push_str(&format!(
                "{path} ({} lines): {}\n",
                file.lines, file.outline
            ));
            let told = format!("{}{lines}{}", format.omitted(), format.omitted_end());
            let text = self.text(&told);
            let used = match tokenizer.adds_up_at_lines() {
                true => self.used.saturating_add(tokenizer.count(&told)),
                false => tokenizer.count(&text),
            };
            if self.begin.is_empty() || used > request.budget {
                break;
            }
            best = (text, used);
        }
        best
    }
}

fn counted(
    request: &SelectRequest<'_>,
    source: &Source<'_>,
    tokenizer: &dyn Tokenizer,
) -> (String, u64) {
    let text = request.format.file(source).unwrap_or_default();
    let tokens = tokenizer.count(&text);
    (text, tokens)
}

fn items<'s>(source: &'s Source<'_>) -> impl Iterator<Item = Item> + 's {
    let offset = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
    let segments = source.segments();
    segments.into_iter().map(move |segment| Item {
        path: source.path().into(),
        digest: source.ranked.file.digest,
        lines: segment.lines.start.saturating_add(1)..=segment.lines.end,
        bytes: offset(segment.bytes.start)..offset(segment.bytes.end),
    })
}

fn omitted<'s>(sources: &'s [Source<'_>]) -> impl Iterator<Item = Omitted> + 's {
    let left_out = sources.iter().filter(|source| source.taken.is_empty());
    left_out.take(TOLD).map(|source| Omitted {
        path: source.path().into(),
        lines: source.line_count(),
        outline: source.outline(NAMES).into(),
    })
}

fn traced(source: &Source<'_>) -> Traced {
    let signals = &source.ranked.signals;
    Traced {
        path: source.path().into(),
        expected: source.value,
        signals: [
            ("text", signals.terms.text),
            ("title", signals.terms.title),
            ("code", signals.terms.code),
            ("names", signals.terms.names),
            ("path", signals.path),
            ("chunk", signals.chunk),
            ("mention", signals.hints.mention),
            ("scope", signals.hints.scope),
        ],
    }
}
