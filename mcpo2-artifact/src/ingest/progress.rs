use crate::manifest::RelPath;

/// Is told how far an ingest is, by several threads at once, once for each file that was read.
pub trait Progress: Sync {
    /// A file was read to its end.
    fn file(&self, done: &Done<'_>);
}

/// How far an ingest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done<'a> {
    /// How many files were read.
    pub files: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// The last of them.
    pub path: &'a RelPath,
}

/// Tells nobody.
impl Progress for () {
    fn file(&self, _: &Done<'_>) {}
}
