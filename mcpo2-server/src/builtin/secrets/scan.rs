use schemars::JsonSchema;
use serde::Serialize;

use super::{preview, rules};
use crate::builtin::{
    root::{Below, read_text},
    walk,
};

/// The longest text, and the longest file, that is looked through.
const MAX_TEXT: usize = 1 << 20;

/// How much is read for one answer.
const MAX_FILES: usize = 5000;
const MAX_TOTAL: usize = 64 << 20;

/// How many findings one answer holds.
const MAX_FINDINGS: usize = 500;

/// What was found in a text.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TextReport {
    /// What was found, from the top down.
    pub(super) findings: Vec<Finding>,
    /// Whether there is more.
    pub(super) truncated: bool,
}

/// What was found in a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DirReport {
    /// What was found, by path.
    pub(super) findings: Vec<FileFinding>,
    /// How many files were looked through.
    pub(super) files_scanned: usize,
    /// How many were not: binary, too long or not readable.
    pub(super) files_skipped: usize,
    /// Whether a limit ended the scan early.
    pub(super) truncated: bool,
}

/// A secret, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Finding {
    /// The rule that found it.
    pub(super) rule: &'static str,
    /// The line, from 1.
    pub(super) line: usize,
    /// The column in characters, from 1.
    pub(super) column: usize,
    /// Its known beginning and its length, never its value.
    pub(super) preview: String,
}

/// A secret in a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FileFinding {
    /// The file, from the root.
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

pub(super) fn text(text: &str) -> Result<TextReport, String> {
    if text.len() > MAX_TEXT {
        return Err("the text is longer than 1 MiB".to_owned());
    }
    let mut findings = findings(text);
    let truncated = findings.len() > MAX_FINDINGS;
    findings.truncate(MAX_FINDINGS);
    Ok(TextReport {
        findings,
        truncated,
    })
}

pub(super) fn dir(start: &Below) -> DirReport {
    let (files, mut truncated) = walk::files(start, MAX_FILES);
    let (mut scanned, mut skipped, mut total) = (0, 0, 0_usize);
    let mut found = Vec::new();
    for file in files {
        let Some(text) = read_text(&file.real, MAX_TEXT as u64) else {
            skipped += 1;
            continue;
        };
        total = total.saturating_add(text.len());
        if total > MAX_TOTAL || found.len() > MAX_FINDINGS {
            truncated = true;
            break;
        }
        scanned += 1;
        let here = findings(&text).into_iter();
        found.extend(here.map(|finding| FileFinding {
            path: file.shown.clone(),
            finding,
        }));
    }
    truncated |= found.len() > MAX_FINDINGS;
    found.truncate(MAX_FINDINGS);
    DirReport {
        findings: found,
        files_scanned: scanned,
        files_skipped: skipped,
        truncated,
    }
}

/// All secrets in a text by place; of those that overlap, the one of the surest rule.
fn findings(text: &str) -> Vec<Finding> {
    let mut taken: Vec<(usize, usize, &rules::Rule)> = Vec::new();
    let matches = rules::all().iter().flat_map(|(rule, pattern)| {
        pattern
            .captures_iter(text)
            .map(move |captures| (*rule, captures))
    });
    for (rule, captures) in matches {
        let Some(value) = captures.get(1).or_else(|| captures.get(0)) else {
            continue;
        };
        let random = !rule.must_look_random || preview::looks_random(value.as_str());
        let overlaps =
            |&(start, end, _): &(usize, usize, _)| value.start() < end && start < value.end();
        if random && !preview::is_placeholder(value.as_str()) && !taken.iter().any(overlaps) {
            taken.push((value.start(), value.end(), rule));
        }
        if taken.len() > MAX_FINDINGS {
            break;
        }
    }
    taken.sort_by_key(|(start, ..)| *start);
    let mut position = Position {
        line: 1,
        column: 1,
        offset: 0,
    };
    taken
        .into_iter()
        .map(|(start, end, rule)| {
            position.advance(text, start);
            let value = text.get(start..end).unwrap_or_default();
            let preview = preview::masked(value, rule.public_prefix);
            Finding {
                rule: rule.id,
                line: position.line,
                column: position.column,
                preview,
            }
        })
        .collect()
}

/// A place in a text, which only moves on.
struct Position {
    line: usize,
    column: usize,
    offset: usize,
}

impl Position {
    fn advance(&mut self, text: &str, to: usize) {
        for c in text.get(self.offset..to).unwrap_or_default().chars() {
            match c {
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                _ => self.column += 1,
            }
        }
        self.offset = to;
    }
}

#[cfg(test)]
mod tests;
