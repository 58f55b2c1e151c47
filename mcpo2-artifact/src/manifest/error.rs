use super::{InvalidPath, Malformed, RelPath};

/// Why there is no manifest of what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The bytes are not those of a manifest.
    #[error("the bytes are no manifest")]
    Malformed(#[from] Malformed),
    /// A path is none.
    #[error("a path is not one")]
    Path(#[from] InvalidPath),
    /// There are more entries than [`Manifest::MAX_ENTRIES`](super::Manifest::MAX_ENTRIES), or as
    /// many withheld paths.
    #[error("there are too many entries")]
    TooMany,
    /// All files together are longer than 2⁶⁴ − 1 bytes.
    #[error("the files are too long together")]
    TooLarge,
    /// Two entries have one path.
    #[error("{path:?} stands there twice")]
    Twice {
        /// The path.
        path: RelPath,
    },
    /// An entry stands below one that is no directory.
    #[error("{path:?} stands below what is no directory")]
    Below {
        /// The path of the lower one.
        path: RelPath,
    },
    /// The target of a symbolic link is empty, too long, or has a NUL.
    #[error("the link {path:?} has no target that a link can have")]
    Target {
        /// The path of the link.
        path: RelPath,
    },
    /// The revision of a submodule is not 40 or 64 lower-case hexadecimal digits.
    #[error("the submodule {path:?} has no revision")]
    Revision {
        /// The path of the submodule.
        path: RelPath,
    },
    /// The name of a rule or an analyser is not 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`.
    #[error("a rule or an analyser has a name that none can have")]
    Name,
}
