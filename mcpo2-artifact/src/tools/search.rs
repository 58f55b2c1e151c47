use regex::{Regex, RegexBuilder};

use super::{Said, View, arguments::Search};
use crate::kept::char_start;

/// How much memory a compiled expression may take, in bytes.
const COMPILED: usize = 1 << 20;

/// How much of a line is shown, in bytes.
const SHOWN: usize = 400;

/// Lines around one that is found.
const AROUND: usize = 20;

/// The lines in which something is found, with their numbers, within the budget.
pub(crate) fn search(asked: &Search, view: &View<'_>, most: usize) -> Said {
    let finders = match finders(asked) {
        Ok(finders) => finders,
        Err(wrong) => return Said::wrong(wrong),
    };
    let lines: Vec<&str> = view.lines().collect();
    let found =
        (lines.iter().enumerate()).filter(|(_, line)| finders.iter().all(|f| f.is_match(line)));
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    if found.is_empty() {
        return Said::right(format!("nothing found in {} lines", lines.len()));
    }
    let room = asked.budget.saturating_mul(4).min(most);
    let shown = Shown::of(&found, &lines, asked.around.min(AROUND), &finders, room);
    Said::right(format!(
        "{}… {} of {} lines match; shown {}",
        shown.text,
        found.len(),
        lines.len(),
        shown.matches,
    ))
}

/// All of them must match a line.
fn finders(asked: &Search) -> Result<Vec<Regex>, String> {
    let build = |pattern: &str, any_case: bool| {
        let built = RegexBuilder::new(pattern)
            .case_insensitive(any_case)
            .size_limit(COMPILED)
            .build();
        built.map_err(|error| format!("not an expression that can be searched for: {error}"))
    };
    match (&asked.query, &asked.regex) {
        (None, Some(regex)) => Ok(vec![build(regex, false)?]),
        (Some(query), None) => {
            let words = query.split_whitespace().take(16);
            let words: Result<Vec<_>, _> = words
                .map(|word| build(&regex::escape(word), true))
                .collect();
            match words?.as_slice() {
                [] => Err("the query has no words".to_owned()),
                words => Ok(words.to_vec()),
            }
        }
        _ => Err("give a `query` or a `regex`, one of them".to_owned()),
    }
}

struct Shown {
    text: String,
    matches: usize,
}

impl Shown {
    /// As many of the lines that were found as there is room for, each line once.
    fn of(found: &[usize], lines: &[&str], around: usize, finders: &[Regex], room: usize) -> Self {
        let mut shown = Self {
            text: String::new(),
            matches: 0,
        };
        let mut next = 0;
        for &at in found {
            let first = at.saturating_sub(around).max(next);
            let last = at.saturating_add(around).min(lines.len().saturating_sub(1));
            let mut piece = String::new();
            if first > next && next > 0 && around > 0 {
                piece.push_str("--\n");
            }
            for (place, line) in lines.iter().enumerate().take(last + 1).skip(first) {
                let mark = if found.binary_search(&place).is_ok() {
                    ':'
                } else {
                    '-'
                };
                let (number, line) = (place + 1, cut(line, finders));
                piece.push_str(&format!("{number}{mark}{line}\n"));
            }
            if shown.text.len() + piece.len() > room {
                break;
            }
            shown.text.push_str(&piece);
            next = next.max(last + 1);
            shown.matches = found.partition_point(|place| *place < next);
        }
        shown
    }
}

/// A long line around where something is found first.
fn cut(line: &str, finders: &[Regex]) -> String {
    if line.len() <= SHOWN {
        return line.to_owned();
    }
    let at = finders
        .iter()
        .filter_map(|finder| finder.find(line))
        .map(|found| found.start());
    let at = at.min().unwrap_or_default().saturating_sub(SHOWN / 4);
    let start = char_start(line.as_bytes(), at);
    let end = char_start(line.as_bytes(), start.saturating_add(SHOWN).min(line.len()));
    let [before, after] = [start > 0, end < line.len()].map(|more| if more { "…" } else { "" });
    format!(
        "{before}{}{after}",
        line.get(start..end).unwrap_or_default()
    )
}
