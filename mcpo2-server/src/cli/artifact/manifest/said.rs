use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use mcpo2_artifact::manifest::{Content, Entry, Manifest, Mode, Reason};
use serde_json::{Value, json};

use super::super::{
    Problem,
    facts::{self, FileFacts},
    select::Counter,
    shown,
};

/// What is said of a manifest.
pub(super) struct Said<'m> {
    pub(super) manifest: &'m Manifest,
    /// What was derived, and what counted tokens.
    pub(super) facts: Option<(Counter, &'m BTreeMap<String, FileFacts>)>,
    pub(super) list: bool,
}

impl Said<'_> {
    pub(super) fn text(&self) -> String {
        let manifest = self.manifest;
        let Counts {
            files,
            links,
            submodules,
        } = Counts::of(manifest);
        let mut text = format!(
            "root      {}\nrules     {}\nentries   {} ({files} files, {links} links, {submodules} \
             submodules)\nsize      {} bytes\nwithheld  {}\n",
            manifest.root(),
            manifest.spec(),
            manifest.entries().len(),
            manifest.size(),
            manifest.withheld().len(),
        );
        text.push_str(&withheld(manifest));
        for group in manifest.collisions() {
            let paths: Vec<String> = group.into_iter().map(shown).collect();
            let _ = writeln!(text, "differ in case alone: {}", paths.join(", "));
        }
        if let Some((counter, facts)) = self.facts {
            let table = facts::table(facts);
            let _ = write!(text, "\n{table}tokens: {}\n", counter.name());
        }
        if self.list {
            text.push('\n');
            for entry in manifest.entries() {
                let _ = writeln!(text, "{}", line(entry));
            }
        }
        text
    }

    pub(super) fn json(&self) -> Result<Value, Problem> {
        let manifest = self.manifest;
        let Counts {
            files,
            links,
            submodules,
        } = Counts::of(manifest);
        let mut said = json!({
            "root": manifest.root(), "rules": manifest.spec(), "files": files, "links": links,
            "submodules": submodules, "size": manifest.size(), "withheld": manifest.withheld(),
            "withheld_digest": manifest.withheld_digest(), "collisions": manifest.collisions(),
        });
        let mut add = |name: &str, value: Result<Value, serde_json::Error>| {
            let value = value.map_err(|error| Problem::failed(&error))?;
            if let Some(said) = said.as_object_mut() {
                said.insert(name.to_owned(), value);
            }
            Ok::<_, Problem>(())
        };
        if let Some((counter, facts)) = self.facts {
            add("facts", serde_json::to_value(facts))?;
            add("tokenizer", Ok(counter.name().into()))?;
        }
        if self.list {
            add("entries", serde_json::to_value(manifest.entries()))?;
        }
        Ok(said)
    }
}

struct Counts {
    files: usize,
    links: usize,
    submodules: usize,
}

impl Counts {
    fn of(manifest: &Manifest) -> Self {
        let count = |is: fn(&Content) -> bool| {
            let entries = manifest.entries().iter();
            entries.filter(|entry| is(entry.content())).count()
        };
        Self {
            files: count(|it| matches!(it, Content::File { .. })),
            links: count(|it| matches!(it, Content::Symlink { .. })),
            submodules: count(|it| matches!(it, Content::Submodule { .. })),
        }
    }
}

/// What was withheld, by reason and rule. What somebody chose to leave out is only counted.
fn withheld(manifest: &Manifest) -> String {
    let mut text = String::new();
    let mut groups: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    for withheld in manifest.withheld() {
        let group = groups.entry(reason(withheld.reason())).or_default();
        group.0 += 1;
        if !matches!(withheld.reason(), Reason::Ignored | Reason::Excluded) {
            group.1.insert(shown(withheld.path()));
        }
    }
    for (reason, (count, paths)) in groups {
        let _ = writeln!(text, "  {count:6}  {reason}");
        for path in paths {
            let _ = writeln!(text, "          {path}");
        }
    }
    text
}

/// `secret_name dotenv`
fn reason(reason: &Reason) -> String {
    let value = serde_json::to_value(reason).unwrap_or_default();
    let name = value.get("reason").and_then(Value::as_str);
    let words = name.into_iter().chain(reason.rule());
    words.collect::<Vec<_>>().join(" ")
}

/// An entry, for people.
pub(in crate::cli::artifact) fn line(entry: &Entry) -> String {
    let path = shown(entry.path().as_str());
    match entry.content() {
        Content::File { mode, size, digest } => {
            let mode = match mode {
                Mode::Executable => 'x',
                Mode::Plain => '-',
            };
            format!("{mode} {size:>10} {} {path}", digest.short())
        }
        Content::Symlink { target } => format!("l {:>10} {path} -> {}", "", shown(target)),
        Content::Submodule { revision } => format!("s {:>10} {path} @ {revision}", ""),
        _ => format!("? {:>10} {path}", ""),
    }
}
