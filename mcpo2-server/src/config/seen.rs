use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// How much of a directory is looked at: as much as may be in one with policies in Rego.
const MAX_DEPTH: usize = 17;
const MAX_ENTRIES: usize = 4096;

/// How files were when they were looked at, so that it shows when one changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(BTreeMap<PathBuf, State>);

/// What tells one state of a file from another: whose bytes they are, how many, and since when.
/// None while it is not there.
type State = Option<(u64, u64, u64, i64, i64)>;

impl Seen {
    /// Looks at these files, and at all that is in these directories.
    pub(crate) fn of<'p>(files: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut seen = Self::default();
        for file in files {
            seen.look(file.to_owned(), MAX_DEPTH);
        }
        seen
    }

    /// These too, where they were not seen.
    pub(crate) fn or(mut self, more: Self) -> Self {
        for (file, state) in more.0 {
            self.0.entry(file).or_insert(state);
        }
        self
    }

    /// Whether a file that was seen before is not any more as it was.
    pub(crate) fn differs_from(&self, before: &Self) -> bool {
        let mut files = self.0.iter();
        files.any(|(file, state)| before.0.get(file).is_some_and(|before| before != state))
    }

    /// What comes and goes in a directory changes the directory itself.
    fn look(&mut self, path: PathBuf, depth: usize) {
        let met = fs::metadata(&path);
        if depth > 0 && met.as_ref().is_ok_and(fs::Metadata::is_dir) {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            for entry in entries.take(MAX_ENTRIES) {
                // A link may lead back here; where it counts, it is a file that is named itself.
                if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                    self.look(entry.path(), depth - 1);
                }
            }
        }
        let state = |at: fs::Metadata| (at.dev(), at.ino(), at.size(), at.mtime(), at.mtime_nsec());
        self.0.insert(path, met.ok().map(state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_below_a_directory_shows_and_what_is_new_elsewhere_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (deep, file) = (dir.path().join("a/b"), dir.path().join("a/b/c"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(&file, "1").unwrap();
        let look = || Seen::of([dir.path()]);
        let before = look();
        assert!(!look().differs_from(&before));
        fs::write(&file, "22").unwrap();
        assert!(look().differs_from(&before));
        let before = look();
        fs::write(deep.join("d"), "").unwrap();
        assert!(look().differs_from(&before));
        fs::remove_file(&file).unwrap();
        assert!(Seen::of([&*file]).differs_from(&before));
        // Who is named anew was read when it was named.
        let other = tempfile::tempdir().unwrap();
        assert!(!Seen::of([other.path()]).differs_from(&before));
        assert!(before.or(Seen::of([other.path()])).differs_from(&look()));
    }
}
