use std::{fs, path::Path};

use super::root::Below;

/// Directories whose content others made.
const SKIPPED: [&str; 7] = [
    ".git",
    ".hg",
    ".venv",
    "__pycache__",
    "node_modules",
    "target",
    "vendor",
];

/// How deep directories are entered.
pub(super) const MAX_DEPTH: usize = 32;

/// How many entries of one directory are looked at.
const MAX_SIBLINGS: usize = 10_000;

/// One entry of a directory. Symbolic links, and what is neither file nor directory, are none.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_dir: bool,
    pub(super) path: Below,
}

/// The entries of a directory by name; none for a directory that cannot be read.
pub(super) fn entries(dir: &Below) -> Vec<Entry> {
    let Ok(read) = fs::read_dir(&dir.real) else {
        return Vec::new();
    };
    let mut entries: Vec<_> = read
        .take(MAX_SIBLINGS)
        .filter_map(Result::ok)
        .filter_map(|entry| {
            // `file_type` does not follow links.
            let kind = entry.file_type().ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_dir = kind.is_dir();
            let wanted = kind.is_file() || (is_dir && !SKIPPED.contains(&name.as_str()));
            let path = Below {
                real: entry.path(),
                shown: joined(&dir.shown, &name),
            };
            wanted.then_some(Entry { name, is_dir, path })
        })
        .collect();
    entries.sort_by(|one, two| one.name.cmp(&two.name));
    entries
}

/// The regular files below a directory, or the one file that `start` is, by path; at most `most`,
/// and whether there are more.
pub(super) fn files(start: &Below, most: usize) -> (Vec<Below>, bool) {
    if is_file(&start.real) {
        return (vec![start.clone()], false);
    }
    let mut found = Vec::new();
    let mut waiting = vec![(start.clone(), 0)];
    while let Some((dir, depth)) = waiting.pop() {
        let mut below = Vec::new();
        for entry in entries(&dir) {
            if entry.is_dir {
                below.push((entry.path, depth + 1));
            } else if found.len() == most {
                return (found, true);
            } else {
                found.push(entry.path);
            }
        }
        waiting.extend(
            below
                .into_iter()
                .rev()
                .filter(|(_, depth)| *depth <= MAX_DEPTH),
        );
    }
    (found, false)
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file())
}

fn joined(dir: &str, name: &str) -> String {
    match dir {
        "." => name.to_owned(),
        dir => format!("{dir}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Root;

    #[cfg(unix)]
    #[test]
    fn links_and_made_directories_are_not_walked() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a", "target", ".git"] {
            fs::create_dir(dir.path().join(path)).unwrap();
            fs::write(dir.path().join(path).join("file"), "x").unwrap();
        }
        fs::write(dir.path().join(".env"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        let root = Root::new(dir.path()).find(".").unwrap();
        let shown = |(files, more): (Vec<Below>, bool)| {
            (
                files.into_iter().map(|file| file.shown).collect::<Vec<_>>(),
                more,
            )
        };
        assert_eq!(
            shown(files(&root, 9)),
            (vec![".env".into(), "a/file".into()], false)
        );
        assert_eq!(shown(files(&root, 1)), (vec![".env".into()], true));
    }
}
