use std::sync::Arc;

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

/// What the ignore files of a directory and of those above it say.
#[derive(Debug, Clone, Default)]
pub(super) struct Level(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    above: Level,
    /// In the order of the names; the last has the last word.
    files: Vec<Gitignore>,
}

/// The most bytes of an ignore file; one that is longer ends the ingest.
pub(super) const MAX_IGNORE_FILE: u64 = 1 << 20;

/// An ignore file with more than can be compiled.
#[derive(Debug, thiserror::Error)]
#[error("the ignore file cannot be compiled")]
pub(super) struct InvalidIgnoreFile(#[source] ignore::Error);

impl Level {
    /// Above the root, where nothing is ignored.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// The level of a directory, which has these ignore files; the root's path is empty.
    ///
    /// A line that is no pattern says nothing, as with git.
    pub(super) fn below(&self, path: &str, files: &[Vec<u8>]) -> Result<Self, InvalidIgnoreFile> {
        if files.is_empty() {
            return Ok(self.clone());
        }
        let files = files.iter().map(|bytes| compile(path, bytes));
        let node = Node {
            above: self.clone(),
            files: files.collect::<Result<_, _>>().map_err(InvalidIgnoreFile)?,
        };
        Ok(Self(Some(Arc::new(node))))
    }

    /// Whether the nearest file that has a pattern for this path says to ignore it.
    pub(super) fn ignores(&self, path: &str, is_directory: bool) -> bool {
        let mut level = self;
        while let Some(node) = &level.0 {
            for file in node.files.iter().rev() {
                match file.matched(path, is_directory) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
            level = &node.above;
        }
        false
    }
}

fn compile(path: &str, bytes: &[u8]) -> Result<Gitignore, ignore::Error> {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = GitignoreBuilder::new(path);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let _no_pattern = builder.add_line(None, line);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ignore_file_has_the_last_word() {
        let root = Level::root()
            .below("", &[b"*.log\n/target\n".to_vec()])
            .unwrap();
        let files = [b"*.tmp\n".to_vec(), b"!keep.log\n!keep.tmp\n/x\n".to_vec()];
        let a = root.below("a", &files).unwrap();
        assert!(root.ignores("a.log", false) && root.ignores("target", true));
        assert!(!root.ignores("a/target", true));
        assert!(a.ignores("a/b.log", false) && !a.ignores("a/keep.log", false));
        assert!(a.ignores("a/b.tmp", false) && !a.ignores("a/keep.tmp", false));
        assert!(a.ignores("a/x", false) && !a.ignores("a/b/x", false));
    }
}
