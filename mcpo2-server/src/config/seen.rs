use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
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

    /// A directory is the names in it that count, and all that has these names.
    fn look(&mut self, path: PathBuf, depth: usize) {
        if self.0.len() >= MAX_ENTRIES {
            return;
        }
        let met = fs::metadata(&path);
        let state = match &met {
            Ok(at) if at.is_dir() && depth > 0 => {
                let names = self.look_into(&path, depth - 1);
                Some((at.dev(), at.ino(), names, 0, 0))
            }
            Ok(at) => Some((at.dev(), at.ino(), at.size(), at.mtime(), at.mtime_nsec())),
            Err(_) => None,
        };
        self.0.insert(path, state);
    }

    /// Looks at what is in a directory, and gives a number for its names.
    fn look_into(&mut self, path: &Path, depth: usize) -> u64 {
        let mut inside = Vec::new();
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries.take(MAX_ENTRIES) {
            let name = entry.file_name();
            let counts = entry.file_type().is_ok_and(|kind| match kind.is_dir() {
                true => !name.as_encoded_bytes().starts_with(b"."),
                // A link is refused where it counts, and may lead back here.
                false => kind.is_file() && is_policy(&name),
            });
            if counts {
                inside.push(name);
            }
        }
        inside.sort();
        let mut names = DefaultHasher::new();
        inside.hash(&mut names);
        for name in inside {
            self.look(path.join(name), depth);
        }
        names.finish()
    }
}

/// Whether a file of this name is read where a directory is named: all else may change as it likes.
fn is_policy(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let suffixes: [&[u8]; 5] = [b".rego", b".json", b".yaml", b".yml", b".wasm"];
    name == b".manifest" || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_below_a_directory_shows_and_what_is_new_elsewhere_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (deep, file) = (dir.path().join("a/b"), dir.path().join("a/b/c.rego"));
        fs::create_dir_all(&deep).unwrap();
        fs::write(&file, "1").unwrap();
        let look = || Seen::of([dir.path()]);
        let before = look();
        assert!(!look().differs_from(&before));
        fs::write(&file, "22").unwrap();
        assert!(look().differs_from(&before));
        let before = look();
        fs::write(deep.join("notes"), "").unwrap();
        assert!(!look().differs_from(&before));
        fs::write(deep.join("d.rego"), "").unwrap();
        assert!(look().differs_from(&before));
        fs::remove_file(&file).unwrap();
        assert!(Seen::of([&*file]).differs_from(&before));
        // Who is named anew was read when it was named.
        let other = tempfile::tempdir().unwrap();
        assert!(!Seen::of([other.path()]).differs_from(&before));
        assert!(before.or(Seen::of([other.path()])).differs_from(&look()));
    }
}
