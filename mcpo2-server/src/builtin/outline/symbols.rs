//! What a file declares at its top, line by line.
//!
//! These are scanners, no parsers: a declaration counts where its line begins with it. One inside
//! a string or a comment that begins a line is taken for one; one that is indented is not seen.

use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::Serialize;

use super::language::Language;

/// How many symbols of one file are told.
const MAX_SYMBOLS: usize = 500;

/// How much of a name is told.
const MAX_NAME: usize = 120;

/// Something that a file declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Symbol {
    /// What it is: `fn`, `class`, `h2`, ….
    pub(super) kind: String,
    /// Its name.
    pub(super) name: String,
    /// Its line, from 1.
    pub(super) line: usize,
}

/// The symbols of a text, from the top down.
pub(super) fn of(language: Language, text: &str) -> Vec<Symbol> {
    if language == Language::Markdown {
        return headings(text);
    }
    let pattern = match language {
        Language::Rust => &*RUST,
        Language::Python => &*PYTHON,
        Language::JavaScript | Language::TypeScript => &*SCRIPT,
        Language::Go => &*GO,
        _ => return Vec::new(),
    };
    let Some(pattern) = pattern else {
        return Vec::new();
    };
    let symbols = text.lines().zip(1..).filter_map(|(text, line)| {
        let captures = pattern.captures(text)?;
        Some(symbol(
            captures.get(1)?.as_str(),
            captures.get(2)?.as_str(),
            line,
        ))
    });
    symbols.take(MAX_SYMBOLS).collect()
}

// Constants, which the tests below compile; none would only mean no symbols.
static RUST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(concat!(
        r#"^(?:pub(?:\([^)]*\))?\s+)?(?:(?:default|async|unsafe|const|extern(?:\s+"[^"]*")?)\s+)*"#,
        r"(fn|struct|enum|union|trait|mod|type|static|const|macro_rules!)\s+(?:mut\s+)?(\w+)",
    ))
});
static PYTHON: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(r"^(?:async\s+)?(def|class)\s+(\w+)"));
static SCRIPT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(concat!(
        r"^(?:export\s+)?(?:(?:default|declare|abstract|async)\s+)*",
        r"(function|class|interface|type|enum|namespace|const|let|var)\*?\s+(?:enum\s+)?([\w$]+)",
    ))
});
static GO: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(r"^(func|type|var|const)\s+(?:\([^)]*\)\s*)?(\w+)"));

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

/// The headings outside fenced code.
fn headings(text: &str) -> Vec<Symbol> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (text, line) in text.lines().zip(1..) {
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| text.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let name = text.trim_start_matches('#');
                let level = text.len() - name.len();
                if (1..=6).contains(&level) && name.starts_with(' ') {
                    found.push(symbol(&format!("h{level}"), name.trim(), line));
                }
            }
        }
        if found.len() == MAX_SYMBOLS {
            break;
        }
    }
    found
}

fn symbol(kind: &str, name: &str, line: usize) -> Symbol {
    let name = name.chars().take(MAX_NAME).collect();
    Symbol {
        kind: kind.trim_end_matches('!').to_owned(),
        name,
        line,
    }
}

#[cfg(test)]
mod tests;
