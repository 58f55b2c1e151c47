//! How packs are written: texts whose lines say where they come from.

use serde::{Deserialize, Serialize};

use super::source::{Segment, Source};

/// How a pack is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Elements, as repomix writes them: `<file path="…">`, and before each excerpt a line
    /// `@@ FROM-TO`.
    #[default]
    Xml,
    /// Headings and fenced blocks.
    Markdown,
}

impl Format {
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Xml => "<files>\n",
            Self::Markdown => "# Files\n",
        }
    }

    pub(super) fn end(self) -> &'static str {
        match self {
            Self::Xml => "</files>\n",
            Self::Markdown => "",
        }
    }

    /// One file; none where nothing of it is taken. It begins with no white space and ends with a
    /// line feed.
    pub(super) fn file(self, source: &Source<'_>) -> Option<String> {
        let segments = source.segments();
        if segments.is_empty() {
            return None;
        }
        Some(match self {
            Self::Xml => xml(source.path(), &segments),
            Self::Markdown => markdown(source.path(), &segments),
        })
    }

    /// What introduces the files that are left out.
    pub(super) fn omitted(self) -> &'static str {
        match self {
            Self::Xml => "<omitted>\n",
            Self::Markdown => "## Left out\n",
        }
    }

    pub(super) fn omitted_end(self) -> &'static str {
        match self {
            Self::Xml => "</omitted>\n",
            Self::Markdown => "",
        }
    }
}

fn xml(path: &str, segments: &[Segment<'_>]) -> String {
    let mut out = format!("<file path=\"{}\">\n", attribute(path));
    for segment in segments {
        out.push_str(&format!("@@ {}\n", lines(segment)));
        push_whole(&mut out, &segment.text);
    }
    out.push_str("</file>\n");
    out
}

fn markdown(path: &str, segments: &[Segment<'_>]) -> String {
    let mut out = format!("## {}\n", path.replace(['\n', '\r'], " "));
    for segment in segments {
        let fence = "`".repeat(longest_run(&segment.text).max(2) + 1);
        out.push_str(&format!("Lines {}:\n{fence}\n", lines(segment)));
        push_whole(&mut out, &segment.text);
        out.push_str(&format!("{fence}\n"));
    }
    out
}

fn lines(segment: &Segment<'_>) -> String {
    format!("{}-{}", segment.lines.start + 1, segment.lines.end)
}

fn push_whole(out: &mut String, text: &str) {
    out.push_str(text);
    if !text.ends_with('\n') {
        out.push('\n');
    }
}

fn attribute(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The longest run of backticks, which no fence may be as short as.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}
