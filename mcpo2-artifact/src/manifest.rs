//! What a tree of files holds, as a list whose root an outsider can check.
//!
//! A [`Manifest`] has an [`Entry`] for each file, link and submodule, in the order of the bytes of
//! their paths, and one root: the digest that names exactly these entries. Where the entries came
//! from and when leaves no trace in it, so the same tree has the same root from a directory, from
//! git and from an archive.
//!
//! ```
//! use mcpo2_artifact::manifest::{Content, Entry, Manifest, Mode};
//! use mcpo2_core::Digest;
//!
//! let file = |path: &str, text: &[u8]| -> Result<Entry, Box<dyn std::error::Error>> {
//!     let (size, digest) = (u64::try_from(text.len())?, Digest::of(text));
//!     let content = Content::File { mode: Mode::Plain, size, digest };
//!     Ok(Entry::new(path.parse()?, content))
//! };
//! let spec = Digest::of(b"all files");
//! let entries = vec![file("src/lib.rs", b"fn f() {}\n")?, file("README.md", b"# F\n")?];
//! let manifest = Manifest::new(spec, entries, vec![])?;
//!
//! assert_eq!(manifest.size(), 14);
//! assert!(manifest.get("src/lib.rs").is_some());
//! assert_eq!(Manifest::from_bytes(&manifest.to_bytes())?, manifest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod excerpt;

mod codec;
mod collisions;
mod derived;
mod diff;
mod entry;
mod error;
mod head;
mod path;
mod proof;
mod tree;
mod wire;
mod withheld;

pub use derived::Derived;
pub use diff::{Change, Edit};
pub use entry::{Content, Entry, Mode};
pub use error::ManifestError;
pub use path::{InvalidPath, RelPath};
pub use proof::{AbsenceProof, InclusionProof, ProofError};
pub use wire::Malformed;
pub use withheld::{Reason, Withheld};

use mcpo2_core::Digest;

use self::{head::Head, tree::Tree};

/// The entries of a tree in the order of their paths, what was withheld, and the root.
///
/// The root is of the entries, of their number and size, and of the digest of the specification
/// that chose them. It is not of what was withheld, which has a
/// [digest of its own](Self::withheld_digest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    head: Head,
    root: Digest,
    tree: Tree,
    entries: Box<[Entry]>,
    withheld: Box<[Withheld]>,
}

impl Manifest {
    /// The most entries of a manifest, and the most withheld paths.
    pub const MAX_ENTRIES: usize = 4_000_000;

    /// The manifest of these entries, in whatever order they are.
    ///
    /// `spec` is the digest of what chose them: filters, limits, rules. Of what is withheld more
    /// than once for one reason, one remains.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] where the entries are not a tree: a path twice, or below a file; where a
    /// link, a submodule or a rule has a text that none can have; where there are too many.
    pub fn new(
        spec: Digest,
        mut entries: Vec<Entry>,
        mut withheld: Vec<Withheld>,
    ) -> Result<Self, ManifestError> {
        if entries.len().max(withheld.len()) > Self::MAX_ENTRIES {
            return Err(ManifestError::TooMany);
        }
        entries.sort_unstable_by(|one, two| one.path().cmp(two.path()));
        check_paths(&entries)?;
        entries.iter().try_for_each(Entry::check)?;
        withheld.iter().try_for_each(Withheld::check)?;
        withheld.sort_unstable();
        withheld.dedup();

        let head = Head {
            spec,
            count: entries.len().try_into().unwrap_or(u64::MAX),
            size: total_size(&entries)?,
        };
        let mut room = Vec::new();
        let leaves = entries.iter().map(|entry| entry.leaf_hash(&mut room));
        let tree = Tree::of(leaves.collect());
        Ok(Self {
            head,
            root: head.root(&tree.root()),
            tree,
            entries: entries.into(),
            withheld: withheld.into(),
        })
    }

    /// The digest that names these entries, and that proofs are checked against.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The digest of what chose the entries.
    #[must_use]
    pub fn spec(&self) -> Digest {
        self.head.spec
    }

    /// The length of all files together, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The entries, in the order of the bytes of their paths.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(self.position(path).ok()?)
    }

    /// What the source has beside the entries, in the order of paths and reasons.
    #[must_use]
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// Where this path stands among the entries, or would.
    fn position(&self, path: &str) -> Result<usize, usize> {
        let order = |entry: &Entry| entry.path().as_str().cmp(path);
        self.entries.binary_search_by(order)
    }
}

fn total_size(entries: &[Entry]) -> Result<u64, ManifestError> {
    let mut sizes = entries.iter().map(Entry::size);
    let total = sizes.try_fold(0_u64, u64::checked_add);
    total.ok_or(ManifestError::TooLarge)
}

/// That sorted entries are a tree: each path once, and none below another.
fn check_paths(entries: &[Entry]) -> Result<(), ManifestError> {
    // INVARIANT: each of these begins with the one before it. What does not begin the path at hand
    // begins none that follows, so the last one that is left is the only one it can be below.
    let mut beginnings: Vec<&str> = Vec::new();
    for entry in entries {
        let path = entry.path().as_str();
        while let Some(last) = beginnings.last() {
            match path.strip_prefix(*last) {
                Some("") => {
                    return Err(ManifestError::Twice {
                        path: entry.path().clone(),
                    });
                }
                Some(rest) if rest.starts_with('/') => {
                    return Err(ManifestError::Below {
                        path: entry.path().clone(),
                    });
                }
                Some(_) => break,
                None => drop(beginnings.pop()),
            }
        }
        beginnings.push(path);
    }
    Ok(())
}
