use super::{Said, View, arguments::Read};
use crate::kept::char_start;

/// The lines that are asked for, as many as fit into `most` bytes, and where to read on.
pub(crate) fn read(asked: &Read, view: &View<'_>, most: usize) -> Said {
    let from = asked.from.unwrap_or(1).max(1);
    let to = asked.to.unwrap_or(usize::MAX);
    if to < from {
        return Said::wrong("`to` stands before `from`");
    }
    let lines: Vec<&str> = view.lines().collect();
    let wanted = lines.iter().skip(from - 1).take(to - from + 1);
    let (mut text, mut shown) = (String::new(), 0);
    for line in wanted {
        if text.len() + line.len() >= most {
            break;
        }
        text.push_str(line);
        text.push('\n');
        shown += 1;
    }
    if shown == 0 {
        return first_line(&lines, from, most);
    }
    let last = from + shown - 1;
    text.push_str(&format!("… lines {from} to {last} of {}", lines.len()));
    if last < to.min(lines.len()) {
        text.push_str(&format!("; read on from {}", last + 1));
    }
    Said::right(text)
}

/// Of a line that is too long for one read, its beginning.
fn first_line(lines: &[&str], from: usize, most: usize) -> Said {
    let Some(line) = lines.get(from - 1) else {
        return Said::wrong(format!("there are {} lines", lines.len()));
    };
    let end = char_start(line.as_bytes(), most.min(line.len()));
    let beginning = line.get(..end).unwrap_or_default();
    Said::right(format!(
        "{beginning}\n… {end} of {} bytes of line {from} of {}; read the rest with resources/read \
         of the reference and ?bytes=FROM-TO, or search it",
        line.len(),
        lines.len(),
    ))
}
