use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    language::Language,
    symbols::{self, Symbol},
};
use crate::builtin::{
    root::{Below, read_text},
    walk::{self, Entry, MAX_DEPTH},
};

/// The longest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// How many entries are told, if nobody says, and at most.
const USUAL_ENTRIES: usize = 2000;
const MOST_ENTRIES: usize = 10_000;

/// How many symbols one answer holds.
const MAX_SYMBOLS: usize = 50_000;

/// A directory, and what is in it.
#[derive(Debug, Serialize)]
pub(super) struct Outlined {
    /// The directory, from the root.
    pub(super) path: String,
    /// How many files and lines there are of each language.
    pub(super) languages: BTreeMap<Language, Count>,
    /// What is in the directory, by name.
    pub(super) entries: Vec<Node>,
    /// Whether a limit left something out.
    pub(super) truncated: bool,
}

/// How many there are.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    /// Files.
    pub(super) files: usize,
    /// Lines.
    pub(super) lines: usize,
}

/// A file or a directory.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Node {
    /// A directory.
    Dir {
        /// Its name.
        name: String,
        /// What is in it.
        entries: Vec<Node>,
    },
    /// A file.
    File {
        /// Its name.
        name: String,
        #[serde(flatten)]
        content: Content,
    },
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FileOutline {
    /// The file, from the root.
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) content: Content,
}

/// What is in a file. A binary, or a file over 1 MiB, has no lines.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Content {
    /// Its language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) language: Option<Language>,
    /// How many lines it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<usize>,
    /// What it declares at its top.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) symbols: Vec<Symbol>,
}

pub(super) fn dir(start: &Below, max_entries: Option<usize>) -> Result<Outlined, String> {
    if !start.real.is_dir() {
        return Err(format!("`{}` is no directory", start.shown));
    }
    let mut walk = Walk {
        entries_left: max_entries.unwrap_or(USUAL_ENTRIES).min(MOST_ENTRIES),
        symbols_left: MAX_SYMBOLS,
        languages: BTreeMap::new(),
        truncated: false,
    };
    let entries = walk.nodes(start, 0);
    let (languages, truncated) = (walk.languages, walk.truncated);
    Ok(Outlined {
        path: start.shown.clone(),
        languages,
        entries,
        truncated,
    })
}

pub(super) fn file(file: &Below) -> Result<FileOutline, String> {
    if !file.real.is_file() {
        return Err(format!("`{}` is no file", file.shown));
    }
    Ok(FileOutline {
        path: file.shown.clone(),
        content: Content::of(file),
    })
}

impl Content {
    fn of(file: &Below) -> Self {
        let language = Language::of(&file.shown);
        let Some(text) = read_text(&file.real, MAX_FILE) else {
            return Self {
                language,
                ..Self::default()
            };
        };
        let symbols = language
            .map(|language| symbols::of(language, &text))
            .unwrap_or_default();
        Self {
            language,
            lines: Some(text.lines().count()),
            symbols,
        }
    }
}

struct Walk {
    entries_left: usize,
    symbols_left: usize,
    languages: BTreeMap<Language, Count>,
    truncated: bool,
}

impl Walk {
    fn nodes(&mut self, dir: &Below, depth: usize) -> Vec<Node> {
        if depth > MAX_DEPTH {
            self.truncated = true;
            return Vec::new();
        }
        let mut nodes = Vec::new();
        for Entry { name, is_dir, path } in walk::entries(dir) {
            let Some(left) = self.entries_left.checked_sub(1) else {
                self.truncated = true;
                break;
            };
            self.entries_left = left;
            nodes.push(match is_dir {
                true => Node::Dir {
                    name,
                    entries: self.nodes(&path, depth + 1),
                },
                false => Node::File {
                    name,
                    content: self.content(&path),
                },
            });
        }
        nodes
    }

    fn content(&mut self, file: &Below) -> Content {
        let mut content = Content::of(file);
        if let (Some(language), Some(lines)) = (content.language, content.lines) {
            let count = self.languages.entry(language).or_default();
            count.files += 1;
            count.lines += lines;
        }
        self.truncated |= content.symbols.len() > self.symbols_left;
        content.symbols.truncate(self.symbols_left);
        self.symbols_left -= content.symbols.len();
        content
    }
}

#[cfg(test)]
mod tests;
