use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// The file loads, but somebody should look at it.
    Warning,
    /// The file does not load.
    Error,
}

/// Where something stands in the file. Lines and columns count from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters it takes, as far as they stand on this line.
    pub width: usize,
}

/// One finding: what is wrong, where, and what may help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its kind, stable and fit for tools: `unknown-key`, `public-without-authentication`, ….
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The file, where it is another than that which was asked about: one of a bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where; none where it is about the file as a whole.
    #[serde(flatten)]
    pub position: Option<Position>,
    /// The text of the line; none where it holds a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            help: None,
            file: None,
            position: None,
            source: None,
        }
    }

    pub(crate) fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn render(&self, file: &str, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or(file);
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        writeln!(to, "{severity}[{}]: {}", self.code, self.message)?;
        let Some(Position {
            line,
            column,
            width,
        }) = self.position
        else {
            writeln!(to, "  --> {file}")?;
            return self.render_help("", to);
        };
        let margin = " ".repeat(line.to_string().len());
        writeln!(to, "{margin}--> {file}:{line}:{column}")?;
        if let Some(source) = &self.source {
            // A tab before the caret stays a tab, or the caret would stand elsewhere.
            let before = source.chars().take(column.saturating_sub(1));
            let before: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
            let left = source
                .chars()
                .count()
                .saturating_sub(column.saturating_sub(1));
            let carets = "^".repeat(width.min(left).max(1));
            writeln!(
                to,
                "{margin} |\n{line} | {source}\n{margin} | {before}{carets}"
            )?;
        }
        self.render_help(&margin, to)
    }

    fn render_help(&self, margin: &str, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.help {
            Some(help) => writeln!(to, "{margin} = help: {help}"),
            None => Ok(()),
        }
    }
}

/// All findings about one file.
///
/// `Display` shows them to people, [`to_json`](Self::to_json) to tools.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnostics {
    file: String,
    #[serde(rename = "diagnostics")]
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(file: String) -> Self {
        Self {
            file,
            items: Vec::new(),
        }
    }

    /// Adds a finding, unless there is already an error at its place: one mistake, one finding.
    pub(crate) fn push(&mut self, item: Diagnostic) {
        let known = |old: &Diagnostic| {
            old.severity == Severity::Error
                && old.position.is_some()
                && old.file == item.file
                && old.position.map(start) == item.position.map(start)
        };
        if !self.items.iter().any(known) {
            self.items.push(item);
        }
    }

    /// Adds what was found in another file.
    pub(crate) fn absorb(&mut self, other: Self) {
        let file = other.file;
        self.items
            .extend(other.items.into_iter().map(|item| Diagnostic {
                file: Some(file.clone()),
                ..item
            }));
    }

    /// Writes references in place of what they stand for, which may be a secret.
    pub(crate) fn hide(&mut self, resolved: &[(String, String)]) {
        for item in &mut self.items {
            for (value, raw) in resolved {
                item.message = item.message.replace(value, raw);
                item.help = item.help.take().map(|help| help.replace(value, raw));
            }
        }
    }

    /// Sorts the findings by place and gives each the text of its line. Those of other files have
    /// it, and stand behind.
    pub(crate) fn finish(mut self, text: &str, is_secret: impl Fn(usize) -> bool) -> Self {
        let place = |item: &Diagnostic| item.position.map(start);
        self.items.sort_by(|one, two| {
            let by_file = one.file.cmp(&two.file);
            by_file.then_with(|| place(one).cmp(&place(two)))
        });
        // Both go forwards, so the text is read once.
        let mut lines = (1..).zip(lines(text)).peekable();
        let own = self.items.iter_mut().filter(|item| item.file.is_none());
        for item in own {
            let line = item.position.map_or(0, |position| position.line);
            while lines.next_if(|(number, _)| *number < line).is_some() {}
            if line > 0 && !is_secret(line) {
                let shown = lines.peek().filter(|(_, line)| !line.is_empty());
                item.source = shown.map(|(_, line)| line.chars().take(200).collect());
            }
        }
        self
    }

    /// The errors alone.
    pub(crate) fn errors(&self) -> Self {
        let errors = self.iter().filter(|item| item.severity == Severity::Error);
        Self {
            file: self.file.clone(),
            items: errors.cloned().collect(),
        }
    }

    /// The file that they are about.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether the file cannot be loaded.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|item| item.severity == severity).count()
    }

    /// The findings, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// The findings for tools.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "file": self.file,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "diagnostics": self.items,
        })
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            item.render(&self.file, f)?;
            writeln!(f)?;
        }
        let plural = |n: usize, what| match n {
            1 => format!("1 {what}"),
            n => format!("{n} {what}s"),
        };
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        write!(
            f,
            "{}: {}, {}",
            self.file,
            plural(errors, "error"),
            plural(warnings, "warning")
        )
    }
}

impl std::error::Error for Diagnostics {}

/// A line by its number, as YAML counts: a carriage return alone ends one too. Another count would
/// show other lines than those that were found to hold no secret. None where nothing stands.
pub(crate) fn line_of(text: &str, number: usize) -> Option<&str> {
    lines(text)
        .nth(number.checked_sub(1)?)
        .filter(|line| !line.is_empty())
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn start(position: Position) -> (usize, usize) {
    (position.line, position.column)
}
