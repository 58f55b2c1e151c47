use std::{fmt, io::Read, path::Path};

use super::{
    diagnostic::{Diagnostic, Diagnostics, Position},
    tree::{Node, Text, Value},
};

/// More than any secret is long.
const MAX_FILE: u64 = 64 * 1024;

/// Where references in the file get their values from.
pub(crate) struct Resolver<'a> {
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) base: &'a Path,
}

impl Resolver<'_> {
    /// Resolves the references in all texts of the tree: `${env:NAME}`, `${env:NAME:-default}` and
    /// `${file:PATH}`. `$${` stands for `${` itself.
    pub(crate) fn resolve(&self, node: &mut Node, found: &mut Diagnostics) {
        match &mut node.value {
            Value::Text(text) if text.value.contains("${") => self.text(text, node.at, found),
            Value::List(items) => items.iter_mut().for_each(|item| self.resolve(item, found)),
            Value::Map(entries) => {
                entries
                    .iter_mut()
                    .for_each(|entry| self.resolve(&mut entry.node, found));
            }
            _ => {}
        }
    }

    fn text(&self, text: &mut Text, at: Position, found: &mut Diagnostics) {
        text.raw = Some(text.value.clone());
        match self.expand(&text.value) {
            Ok(value) => text.value = value,
            Err(problem) => found.push(problem.at(Some(at))),
        }
    }

    fn expand(&self, text: &str) -> Result<String, Box<Diagnostic>> {
        let mut value = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                value.push_str(before);
                value.push_str("${");
                rest = after;
                continue;
            }
            value.push_str(before);
            let Some((reference, after)) = after.split_once('}') else {
                let problem = Diagnostic::error("bad-reference", "`${` without a `}`");
                return Err(problem
                    .help("write `$${` for the two characters themselves")
                    .into());
            };
            value.push_str(&self.reference(reference)?);
            rest = after;
        }
        value.push_str(rest);
        Ok(value)
    }

    fn reference(&self, reference: &str) -> Result<String, Box<Diagnostic>> {
        match reference.split_once(':') {
            Some(("env", name)) => self.variable(name),
            Some(("file", path)) => read(&self.base.join(path)).map_err(|error| {
                Diagnostic::error(
                    "unresolved-reference",
                    format!("cannot read `{path}`: {error}"),
                )
                .into()
            }),
            _ => Err(Diagnostic::error(
                "bad-reference",
                format!("unknown reference `${{{reference}}}`"),
            )
            .help("there are `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}`")
            .into()),
        }
    }

    fn variable(&self, reference: &str) -> Result<String, Box<Diagnostic>> {
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("`{name}` is no name of an environment variable");
            return Err(Diagnostic::error("bad-reference", message).into());
        }
        let value = (self.env)(name).or_else(|| default.map(str::to_owned));
        value.ok_or_else(|| {
            let message = format!("the environment variable `{name}` is not set");
            Diagnostic::error("unresolved-reference", message)
                .help(format!("set it, or write `${{env:{name}:-default}}`"))
                .into()
        })
    }
}

impl fmt::Debug for Resolver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The text of a small file, without the line end that editors add.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(std::io::Error::other("it is longer than 64 KiB"));
    }
    let end = text.trim_end_matches('\n').trim_end_matches('\r').len();
    text.truncate(end);
    Ok(text)
}
