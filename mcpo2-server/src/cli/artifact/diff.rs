use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use mcpo2_artifact::manifest::Manifest;
use serde_json::json;

use super::{
    super::format::Format, Done, Outcome, Problem, differences::Differences, read, source::How,
    tell,
};

/// What a file with a manifest begins with.
const MANIFEST: &[u8] = b"mcpo2 manifest\n";

#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The old tree, or a file with its manifest
    old: PathBuf,
    /// The new tree, likewise
    new: PathBuf,
    /// How many differences are said at most
    #[arg(short = 'n', long, default_value_t = 100)]
    limit: usize,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The old tree is this revision of a git repository
    #[arg(long, value_name = "REV", conflicts_with = "git")]
    old_git: Option<String>,
    /// The new tree is this revision of a git repository
    #[arg(long, value_name = "REV", conflicts_with = "git")]
    new_git: Option<String>,
    #[command(flatten)]
    how: How,
}

impl Diff {
    pub(super) fn run(mut self) -> Done {
        self.how.beside(self.format);
        let both = self.how.git.take();
        self.how.git = self.old_git.take().or_else(|| both.clone());
        let old = either(&self.old, &self.how)?;
        self.how.git = self.new_git.take().or(both);
        let new = either(&self.new, &self.how)?;
        let differences = Differences::of(&old, &new);
        let mut text = differences.text(self.limit);
        if differences.other_rules {
            text.push_str("other rules chose what is in them, so the roots differ at any rate\n");
        }
        let said = json!({
            "old": old.root(), "new": new.root(), "other_rules": differences.other_rules,
            "changes": differences.json(),
        });
        tell(self.format, &text, &said)?;
        Ok(match old.root() == new.root() {
            true => Outcome::Well,
            false => Outcome::Otherwise,
        })
    }
}

/// The manifest in this file, or of this source.
fn either(path: &Path, how: &How) -> Result<Manifest, Problem> {
    if how.git.is_none() && is_manifest(path) {
        return manifest(path);
    }
    how.manifest(path, &())
}

fn is_manifest(path: &Path) -> bool {
    let mut head = Vec::new();
    let most = u64::try_from(MANIFEST.len()).unwrap_or(u64::MAX);
    let file = path.is_file().then(|| File::open(path).ok()).flatten();
    let read = file.map(|file| file.take(most).read_to_end(&mut head));
    read.is_some_and(|read| read.is_ok()) && head == MANIFEST
}

/// The manifest in this file.
pub(super) fn manifest(path: &Path) -> Result<Manifest, Problem> {
    let bytes = read(path)?;
    Manifest::from_bytes(&bytes).map_err(|error| {
        let why = format!(
            "{}; `mcpo2 artifact manifest SOURCE --out FILE` writes one",
            super::chain(&error)
        );
        Problem::Wrong(why).at(path)
    })
}
