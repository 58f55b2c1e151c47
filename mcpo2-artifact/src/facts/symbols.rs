use super::{Language, define::definition};

/// What kind of thing a symbol is.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SymbolKind {
    /// A function, method, macro or rule.
    Function,
    /// A class, struct, trait, interface, or what is implemented for one.
    Type,
    /// A module or name space.
    Module,
    /// A constant or a variable of the whole file.
    Value,
    /// A heading of a document.
    Heading,
    /// A table or key of a configuration.
    Key,
}

/// What a file defines, and the lines that it takes.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Its name, as written.
    pub name: Box<str>,
    /// The line that names it, counted from one.
    pub line: u32,
    /// The first line, with the comments and attributes above it, counted from one.
    pub first: u32,
    /// The last line, itself included.
    pub last: u32,
}

/// No file has more symbols than this; what comes behind is not looked at.
const MOST: usize = 20_000;

/// No line is looked at beyond this many bytes.
const WIDTH: usize = 400;

/// A line without its white space in front, and how much of it there was.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    indent: usize,
}

/// The symbols of a text, in the order of their lines; a block inside another comes behind it.
pub(super) fn symbols(language: Language, text: &str) -> Vec<Symbol> {
    let lines: Vec<Line<'_>> = text.lines().map(line).collect();
    let mut found = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if line.text.is_empty() {
            continue;
        }
        close(&mut open, &mut found, &lines, language, at);
        if found.len() >= MOST {
            break;
        }
        if let Some((kind, name)) = definition(language, line.text, line.indent) {
            let level = if kind == SymbolKind::Heading {
                depth(line.text)
            } else {
                line.indent
            };
            open.push((found.len(), level));
            found.push(Symbol {
                kind,
                name: name.into(),
                line: number(at),
                first: number(above(&lines, at)),
                last: number(at),
            });
        }
    }
    let end = number(lines.len().saturating_sub(1));
    for (symbol, _) in open {
        set_last(&mut found, symbol, end);
    }
    found
}

fn line(text: &str) -> Line<'_> {
    let text = super::cut(text, WIDTH);
    let trimmed = text.trim_start();
    Line {
        indent: text.len() - trimmed.len(),
        text: trimmed.trim_end(),
    }
}

/// Ends the blocks that this line is not inside of: formatted code is indented, whatever its language.
fn close(
    open: &mut Vec<(usize, usize)>,
    found: &mut [Symbol],
    lines: &[Line<'_>],
    language: Language,
    at: usize,
) {
    let Some(line) = lines.get(at) else { return };
    while let Some((symbol, level)) = open.last().copied() {
        match position(language, *line, level) {
            Position::Inside => return,
            Position::Closes => set_last(found, symbol, number(at)),
            Position::Behind => {
                let last = found.get(symbol).map_or(1, |symbol| symbol.last);
                let end = (0..at)
                    .rev()
                    .find(|at| lines.get(*at).is_some_and(|l| !l.text.is_empty()));
                let end = end.map_or(last, number).max(last);
                // what stands above the next definition belongs to that
                let next = number(above(lines, at));
                set_last(found, symbol, end.min(next.saturating_sub(1)).max(last));
            }
        }
        open.pop();
    }
}

enum Position {
    Inside,
    Closes,
    Behind,
}

fn position(language: Language, line: Line<'_>, level: usize) -> Position {
    if language == Language::Markdown {
        let heading = definition(language, line.text, line.indent).is_some();
        return match heading && depth(line.text) <= level {
            true => Position::Behind,
            false => Position::Inside,
        };
    }
    let preprocessor =
        matches!(language, Language::C | Language::Cpp) && line.text.starts_with('#');
    if line.indent > level || (preprocessor && line.indent == 0) {
        return Position::Inside;
    }
    let continues = line.text.starts_with(['{', ')', ']']) || line.text.starts_with("where");
    if line.indent == level && continues {
        return Position::Inside;
    }
    let ends = line.text.starts_with('}') || line.text == "end" || line.text == "fi";
    if line.indent == level && ends {
        Position::Closes
    } else {
        Position::Behind
    }
}

/// The first of the comments and attributes right above a line.
fn above(lines: &[Line<'_>], at: usize) -> usize {
    const MARKS: &[&str] = &["//", "#[", "@", "/*", "*", "# ", "#:", "--", "template"];
    let Some(indent) = lines.get(at).map(|line| line.indent) else {
        return at;
    };
    let mut first = at;
    for before in (0..at).rev() {
        let Some(line) = lines.get(before) else { break };
        let same =
            line.indent == indent || (line.text.starts_with('*') && line.indent == indent + 1);
        if !same || !MARKS.iter().any(|mark| line.text.starts_with(mark)) {
            break;
        }
        first = before;
    }
    first
}

fn depth(heading: &str) -> usize {
    heading.len() - heading.trim_start_matches('#').len()
}

fn set_last(found: &mut [Symbol], symbol: usize, last: u32) {
    if let Some(symbol) = found.get_mut(symbol) {
        symbol.last = last;
    }
}

/// The number of a line, from its place.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1)
}
