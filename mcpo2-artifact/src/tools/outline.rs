use serde_json::Value;

use super::View;

/// How deep the shape of JSON is shown.
const DEPTH: usize = 4;

/// How many members of an object, or lines of a text, are shown.
const ENTRIES: usize = 40;

/// How much of a line is shown, in characters.
const LINE: usize = 100;

/// What there is: its size, and the shape of its JSON or the beginnings of its paragraphs.
pub(crate) fn outline(view: &View<'_>, most: usize) -> String {
    let (bytes, lines) = (view.text.len(), view.lines().count());
    let json = view.is_json.then(|| serde_json::from_str(&view.text).ok());
    let mut out = String::new();
    match json.flatten() {
        Some(value) => {
            out.push_str(&format!("JSON, {bytes} bytes, {lines} lines\n"));
            shape(&value, "", 0, most, &mut out);
        }
        None => {
            out.push_str(&format!("text, {bytes} bytes, {lines} lines\n"));
            paragraphs(view, most, &mut out);
        }
    }
    out
}

fn shape(value: &Value, name: &str, depth: usize, most: usize, out: &mut String) {
    let kind = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => format!("string of {} bytes", text.len()),
        Value::Array(values) => format!("array of {}", values.len()),
        Value::Object(members) => format!("object of {}", members.len()),
    };
    let name: String = name.chars().take(LINE).collect();
    let line = format!("{}{name}{}{kind}\n", "  ".repeat(depth), separator(&name));
    if depth >= DEPTH || out.len() + line.len() > most {
        return;
    }
    out.push_str(&line);
    match value {
        // The elements of most arrays are alike.
        Value::Array(values) => {
            for value in values.iter().take(1) {
                shape(value, "[0]", depth + 1, most, out);
            }
        }
        Value::Object(members) => {
            for (name, value) in members.iter().take(ENTRIES) {
                shape(value, name, depth + 1, most, out);
            }
        }
        _ => {}
    }
}

fn separator(name: &str) -> &'static str {
    match name {
        "" => "",
        _ => ": ",
    }
}

/// Headings; or where there are none, the first lines of paragraphs; evenly over the text.
fn paragraphs(view: &View<'_>, most: usize, out: &mut String) {
    let (mut headings, mut firsts, mut behind_gap) = (Vec::new(), Vec::new(), true);
    for (at, line) in view.lines().enumerate() {
        let is_empty = line.trim().is_empty();
        if line.starts_with('#') {
            headings.push((at + 1, line));
        }
        if behind_gap && !is_empty {
            firsts.push((at + 1, line));
        }
        behind_gap = is_empty;
    }
    let lines = match headings.len() {
        0 | 1 => firsts,
        _ => headings,
    };
    let step = lines.len().div_ceil(ENTRIES).max(1);
    for (number, line) in lines.into_iter().step_by(step) {
        let line: String = line.chars().take(LINE).collect();
        if out.len() + line.len() + 24 > most {
            break;
        }
        out.push_str(&format!("{number}: {line}\n"));
    }
}
