mod corpus;
mod counter;

use std::path::PathBuf;

use clap::ValueEnum;
use mcpo2_artifact::select::{self, MemoryCache, Pack, SelectRequest, Update};
use serde_json::{Value, json};

use self::corpus::Corpus;
pub(super) use self::counter::Counter;
use super::{
    super::{print, say},
    Done, Outcome, Problem, read,
    source::How,
    texts::DirCache,
    write,
};

#[derive(Debug, clap::Args)]
pub(super) struct Select {
    /// The trees
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    task: Task,
    /// The most tokens that the pack may take as it is written
    #[arg(long, value_name = "TOKENS")]
    budget: u64,
    /// What counts tokens
    #[arg(long, value_enum, default_value_t)]
    tokenizer: Counter,
    /// Take this file before all others, or with a `/` at its end this folder; again for another
    #[arg(long, value_name = "PATH")]
    pin: Vec<String>,
    /// Keep what is indexed here, so that the next time only what changed is analysed
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// How the pack is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write it here, in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

/// What is selected for.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Task {
    /// The task, in words
    #[arg(long, value_name = "TEXT")]
    task: Option<String>,
    /// The task is in this file
    #[arg(long, value_name = "FILE")]
    task_file: Option<PathBuf>,
}

impl Task {
    fn text(&self) -> Result<String, Problem> {
        if let Some(path) = &self.task_file {
            return Ok(String::from_utf8_lossy(&read(path)?).into_owned());
        }
        Ok(self.task.clone().unwrap_or_default())
    }
}

/// How a pack is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Elements, as repomix writes them
    #[default]
    Xml,
    /// Headings and fenced blocks
    Markdown,
    /// What was taken, what was left out and why, and the pack as elements
    Json,
    /// The result of an MCP tool, with the pack as elements
    ToolResult,
}

impl Select {
    pub(super) fn run(self) -> Done {
        self.tokenizer.check()?;
        let task = self.task.text()?;
        let mut cache = self.cache.as_deref().map(DirCache::open).transpose()?;
        let corpus = Corpus::read(&self.sources, &self.how)?;
        let bar = self.how.watch.work("selecting");
        let mut memory = MemoryCache::default();
        let (index, update) = corpus.index(match &mut cache {
            Some(cache) => cache,
            None => &mut memory,
        });
        let pinned: Vec<&str> = self.pin.iter().map(String::as_str).collect();
        let mut request = SelectRequest::new(&task, self.budget);
        request.pinned = &pinned;
        if self.format == Format::Markdown {
            request.format = select::Format::Markdown;
        }
        let pack = select::select(
            &request,
            &index,
            &corpus.texts,
            &*self.tokenizer.tokenizer()?,
        );
        drop(bar);
        let written = match self.format {
            Format::Xml | Format::Markdown => pack.text.clone(),
            Format::Json => format!("{:#}\n", said(&pack, &update, &corpus)),
            Format::ToolResult => format!("{:#}\n", pack.to_tool_result()),
        };
        match &self.out {
            Some(out) => write(out, written.as_bytes())?,
            None => print(&written),
        }
        say(&format!(
            "{} of {} tokens ({}), {} excerpts; {} files analysed, {} from the cache",
            pack.used,
            pack.budget,
            pack.tokenizer,
            pack.items.len(),
            update.analysed,
            update.cached,
        ));
        Ok(Outcome::Well)
    }
}

fn said(pack: &Pack, update: &Update, corpus: &Corpus) -> Value {
    let items = pack.items.iter().map(|item| {
        json!({
            "path": item.path, "digest": item.digest,
            "lines": [item.lines.start(), item.lines.end()],
            "bytes": [item.bytes.start, item.bytes.end],
        })
    });
    let omitted = pack
        .omitted
        .iter()
        .map(|it| json!({ "path": it.path, "lines": it.lines, "outline": it.outline }));
    let trace = pack.trace.iter().map(|it| {
        let signals: serde_json::Map<_, _> = it
            .signals
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({ "path": it.path, "expected": it.expected, "signals": signals })
    });
    let sources = corpus.roots().into_iter();
    let sources = sources.map(|(below, root)| json!({ "below": below, "root": root }));
    json!({
        "sources": sources.collect::<Vec<_>>(), "budget": pack.budget, "used": pack.used,
        "tokenizer": pack.tokenizer, "items": items.collect::<Vec<_>>(),
        "omitted": omitted.collect::<Vec<_>>(), "trace": trace.collect::<Vec<_>>(),
        "analysed": update.analysed, "cached": update.cached, "text": pack.text,
    })
}
