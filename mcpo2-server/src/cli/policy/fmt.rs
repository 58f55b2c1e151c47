use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mcpo2_policy::{BundleConfig, Known, flat::FlatConfig};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{Done, Format, Found, Of, Unusable, say, tell};
use crate::config::{read_as, read_text, signature_of, text_as};

#[derive(Debug, clap::Args)]
pub(super) struct Fmt {
    #[command(flatten)]
    of: Of,
    /// Write nothing, and say which files would change
    #[arg(long)]
    check: bool,
    /// Lose the comments that cannot be kept
    #[arg(long)]
    force: bool,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a file would become.
struct Planned<'f> {
    file: &'f Path,
    text: String,
    changed: bool,
}

impl Fmt {
    pub(super) fn run(self) -> Done {
        let sources = self.of.sources(&Known::default());
        if sources.policy.is_none() {
            return Err(Unusable(sources.found.errors().to_string()));
        }
        // All are looked at before any is written.
        let planned = sources.bundles.iter().map(|file| self.plan(file));
        let planned: Vec<Planned<'_>> = planned.collect::<Result<_, _>>()?;
        let changed = || planned.iter().filter(|planned| planned.changed);
        if !self.check {
            changed().try_for_each(write)?;
        }
        let verb = if self.check {
            "would change"
        } else {
            "written"
        };
        let lines = changed().map(|planned| format!("{verb}  {}\n", planned.file.display()));
        let text = match changed().next() {
            None => "nothing to change\n".to_owned(),
            Some(_) => lines.collect(),
        };
        let files = planned.iter().map(|planned| {
            json!({ "file": planned.file.display().to_string(), "changed": planned.changed })
        });
        tell(
            self.format,
            &text,
            &json!({ "files": files.collect::<Vec<_>>() }),
        )?;
        Ok(Found::of(self.check && changed().next().is_some()))
    }

    fn plan<'f>(&self, file: &'f Path) -> Result<Planned<'f>, Unusable> {
        let before = read_text(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let (head, body) = head(&before);
        let text = format!("{head}{}", canonical(file)?);
        let changed = text != before;
        if changed && !self.check && !self.force && has_comments(body) {
            let problem = "has comments, which would be lost; say --force to lose them";
            return Err(format!("{} {problem}", file.display()).into());
        }
        Ok(Planned {
            file,
            text,
            changed,
        })
    }
}

fn write(planned: &Planned<'_>) -> Result<(), Unusable> {
    let file = planned.file.display();
    replace(planned.file, &planned.text).map_err(|error| format!("{file}: {error}"))?;
    if signature_of(planned.file).exists() {
        say(&format!("mcpo2: {file} has to be signed anew"));
    }
    Ok(())
}

/// Takes the place of the file in one step, so that a gateway which watches it reads no half.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let beside: PathBuf = target.with_extension("mcpo2-fmt");
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::metadata(&target)?.permissions())?;
    fs::rename(&beside, &target)
}

/// The file in its one form.
fn canonical(path: &Path) -> Result<String, Unusable> {
    match read_as::<FlatConfig>(path) {
        Ok(flat) => written(&flat),
        Err(_) => written(&read_as::<BundleConfig>(path)?),
    }
}

/// The value as YAML, which says the same when it is read again.
fn written<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<String, Unusable> {
    let options = serde_saphyr::ser_options! { compact_list_indent: false };
    let text = serde_saphyr::to_string_with_options(value, options);
    let text = text.map_err(|error| error.to_string())?;
    let text = text.trim_end().to_owned() + "\n";
    match text_as::<T>("what would be written", &text)? == *value {
        true => Ok(text),
        false => Err("what would be written does not say the same"
            .to_owned()
            .into()),
    }
}

/// The comments and empty lines before anything else, and the rest.
fn head(text: &str) -> (&str, &str) {
    let is_head = |line: &&str| line.starts_with('#') || line.trim().is_empty();
    let lines = text.split_inclusive('\n').take_while(is_head);
    text.split_at(lines.map(str::len).sum())
}

/// Whether a comment stands in this. A `#` begins one where the rest of its line says nothing.
fn has_comments(text: &str) -> bool {
    let value = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).ok();
    let whole = value(text);
    let hashes = text.match_indices('#').map(|(at, _)| at);
    let mut candidates = hashes.filter(|at| {
        let before = text.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with(char::is_whitespace)
    });
    candidates.any(|at| {
        let (before, rest) = text.split_at(at);
        let after = rest.find('\n').and_then(|end| rest.get(end..));
        let without = format!("{before}{}", after.unwrap_or_default());
        value(&without) == whole
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_what_only_looks_like_them() {
        for (text, has) in [
            ("id: a\n", false),
            ("id: a # b\n", true),
            ("id: a\n  # b\n", true),
            ("id: 'a # b'\n", false),
            ("id: \"a # b\"\n", false),
            ("id: a#b\n", false),
            ("reason: |\n  one\n  # two\n", false),
            ("reason: |\n  one\n# two\n", true),
            ("reason: don't # mind\n", true),
        ] {
            assert_eq!(has_comments(text), has, "{text}");
        }
    }

    #[test]
    fn the_head_ends_where_something_is_said() {
        assert_eq!(
            head("# a\n\n# b\nid: x # c\n"),
            ("# a\n\n# b\n", "id: x # c\n")
        );
        assert_eq!(head("id: x\n"), ("", "id: x\n"));
        assert_eq!(head("# a"), ("# a", ""));
    }
}
