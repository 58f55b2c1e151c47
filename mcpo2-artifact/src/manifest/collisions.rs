use unicode_normalization::UnicodeNormalization as _;

use super::Manifest;

impl Manifest {
    /// Paths that would be one on a file system which is blind to case: `README` and `readme`.
    ///
    /// Each group has two or more, in order. Directories count too: where `Src` is a link and
    /// `src/a` a file, one of them would be written through the other. What differs in case for a
    /// language alone, as the Turkish `ı` and `i`, is counted as the same.
    #[must_use]
    pub fn collisions(&self) -> Vec<Vec<&str>> {
        let mut paths = Vec::new();
        let mut last = "";
        for entry in self.entries() {
            let path = entry.path().as_str();
            let ends = path.match_indices('/').map(|(at, _)| at);
            let directories = ends.filter_map(|end| path.split_at_checked(end));
            let new = directories.filter(|(directory, _)| !stands_below(last, directory));
            paths.extend(new.map(|(directory, _)| (folded(directory), directory)));
            paths.push((folded(path), path));
            last = path;
        }
        paths.sort_unstable();
        let groups = paths.chunk_by(|one, two| one.0 == two.0);
        let groups = groups.filter(|group| group.len() > 1);
        groups
            .map(|group| group.iter().map(|(_, path)| *path).collect())
            .collect()
    }
}

fn stands_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The same text for all that differ in case alone.
///
/// To the lower case first, for what has no upper one of its own but folds to two letters (`ẞ`).
fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let lower = path.chars().flat_map(char::to_lowercase);
    let upper = lower.flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).nfc().collect()
}
