//! That an entry stands in a manifest, or none with a path, for those who have the root alone.

use mcpo2_core::Digest;

use super::{
    Entry, Malformed, Manifest, ManifestError, RelPath,
    head::Head,
    tree::{Hash, climb, empty, path_length},
    wire::{Reader, put_number},
};

const INCLUSION: &[u8] = b"mcpo2 inclusion\n";
const ABSENCE: &[u8] = b"mcpo2 absence\n";

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The bytes are not those of a proof.
    #[error("the bytes are no proof")]
    Malformed(#[from] Malformed),
    /// An entry in it is one that no manifest has.
    #[error("an entry of the proof is not one")]
    Entry(#[source] ManifestError),
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
    /// The path is not between the entries that are proven.
    #[error("the proof is of the absence of other paths")]
    Elsewhere,
    /// No file has the path, so there is no excerpt of it.
    #[error("no file has the path")]
    NoFile,
    /// The range is empty, ends before it begins, or ends behind the file.
    #[error("the range is not one of the file")]
    Range,
    /// The bytes are not those of the file.
    #[error("the bytes are not those of the file")]
    Content,
}

impl From<ManifestError> for ProofError {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Malformed(malformed) => Self::Malformed(malformed),
            error => Self::Entry(error),
        }
    }
}

/// That an entry stands in the manifest with a root.
///
/// ```
/// # use mcpo2_artifact::manifest::{Content, Entry, InclusionProof, Manifest};
/// # use mcpo2_core::Digest;
/// # let link = |path: &str| -> Result<Entry, Box<dyn std::error::Error>> {
/// #     Ok(Entry::new(path.parse()?, Content::Symlink { target: "x".into() }))
/// # };
/// let manifest = Manifest::new(Digest::of(b"all"), vec![link("a")?, link("b")?], vec![])?;
/// let proof = manifest.prove("b").ok_or("not there")?.to_bytes();
///
/// // elsewhere, with the root alone
/// let proof = InclusionProof::from_bytes(&proof)?;
/// assert_eq!(proof.verify(&manifest.root())?.path().as_str(), "b");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    head: Head,
    place: Place,
}

impl InclusionProof {
    /// The entry that is proven, once that is verified.
    ///
    /// # Errors
    ///
    /// [`ProofError::Root`] where it is not one of the manifest with this root.
    pub fn verify(&self, root: &Digest) -> Result<&Entry, ProofError> {
        self.place.verify(&self.head, root)?;
        Ok(&self.place.entry)
    }

    /// The canonical bytes; 32 for each of the about log₂ n hashes, and some more.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = INCLUSION.to_vec();
        self.write(&mut bytes);
        bytes
    }

    /// Reads what [`InclusionProof::to_bytes`] wrote; it is not verified by that.
    ///
    /// # Errors
    ///
    /// [`ProofError::Malformed`] and [`ProofError::Entry`] where nothing would write it so.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let mut from = Reader::new(bytes);
        from.magic(INCLUSION)?;
        let proof = Self::read(&mut from)?;
        from.end()?;
        Ok(proof)
    }

    /// The entry, which is not believed before the proof is verified.
    pub(super) fn claimed(&self) -> &Entry {
        &self.place.entry
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        self.head.write(to);
        put_number(to, self.place.index);
        self.place.write(to);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, ProofError> {
        let head = Head::read(from)?;
        let index = from.number()?;
        let place = Place::read(from, &head, index)?;
        Ok(Self { head, place })
    }
}

/// That no entry of the manifest with a root has a path, nor any between two others.
///
/// It is of entries: the directory `src` is absent where `src/lib.rs` is an entry.
///
/// ```
/// # use mcpo2_artifact::manifest::{AbsenceProof, Content, Entry, Manifest};
/// # use mcpo2_core::Digest;
/// # let link = |path: &str| -> Result<Entry, Box<dyn std::error::Error>> {
/// #     Ok(Entry::new(path.parse()?, Content::Symlink { target: "x".into() }))
/// # };
/// let manifest = Manifest::new(Digest::of(b"all"), vec![link("a")?, link("c")?], vec![])?;
/// let path = "b".parse()?;
/// let proof = manifest.prove_absent(&path).ok_or("it is there")?.to_bytes();
///
/// // elsewhere, with the root alone
/// let proof = AbsenceProof::from_bytes(&proof)?;
/// proof.verify(&manifest.root(), &path)?;
/// assert!(proof.verify(&manifest.root(), &"d".parse()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsenceProof {
    head: Head,
    /// How many entries stand before the path.
    position: u64,
    before: Option<Place>,
    behind: Option<Place>,
}

impl AbsenceProof {
    /// Verifies that this path is absent.
    ///
    /// # Errors
    ///
    /// [`ProofError::Root`] where the neighbours are not of the manifest with this root,
    /// [`ProofError::Elsewhere`] where the path does not stand between them.
    pub fn verify(&self, root: &Digest, path: &RelPath) -> Result<(), ProofError> {
        if self.head.count == 0 && self.head.root(&empty()) != *root {
            return Err(ProofError::Root);
        }
        for place in self.before.iter().chain(&self.behind) {
            place.verify(&self.head, root)?;
        }
        let begins = (self.before.as_ref()).is_none_or(|before| before.entry.path() < path);
        let ends = (self.behind.as_ref()).is_none_or(|behind| path < behind.entry.path());
        (begins && ends).then_some(()).ok_or(ProofError::Elsewhere)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = ABSENCE.to_vec();
        self.head.write(&mut bytes);
        put_number(&mut bytes, self.position);
        let places = self.before.iter().chain(&self.behind);
        places.for_each(|place| place.write(&mut bytes));
        bytes
    }

    /// Reads what [`AbsenceProof::to_bytes`] wrote; it is not verified by that.
    ///
    /// # Errors
    ///
    /// [`ProofError::Malformed`] and [`ProofError::Entry`] where nothing would write it so.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let mut from = Reader::new(bytes);
        from.magic(ABSENCE)?;
        let head = Head::read(&mut from)?;
        let position = from.number()?;
        // INVARIANT: a neighbour is missing at an end of the manifest alone; with one of them left
        // out elsewhere, everything beyond the other would be absent.
        if position > head.count {
            return Err(Malformed::Number.into());
        }
        let mut place = |index| Place::read(&mut from, &head, index);
        let before = position.checked_sub(1).map(&mut place).transpose()?;
        let behind = (position < head.count).then_some(position);
        let behind = behind.map(&mut place).transpose()?;
        from.end()?;
        Ok(Self {
            head,
            position,
            before,
            behind,
        })
    }
}

/// An entry, where it stands, and the hashes that lead from there to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    index: u64,
    entry: Entry,
    path: Box<[Hash]>,
}

impl Place {
    fn of(manifest: &Manifest, index: usize) -> Option<Self> {
        Some(Self {
            index: index.try_into().ok()?,
            entry: manifest.entries.get(index)?.clone(),
            path: manifest.tree.path(index).into(),
        })
    }

    fn verify(&self, head: &Head, root: &Digest) -> Result<(), ProofError> {
        let leaf = self.entry.leaf_hash(&mut Vec::new());
        let tree = climb(self.index, head.count, leaf, &self.path);
        let found = tree.map(|tree| head.root(&tree));
        (found == Some(*root)).then_some(()).ok_or(ProofError::Root)
    }

    /// Writes all but the index, of which those who read it know.
    fn write(&self, to: &mut Vec<u8>) {
        self.entry.write(to);
        self.path.iter().for_each(|hash| to.extend_from_slice(hash));
    }

    fn read(from: &mut Reader<'_>, head: &Head, index: u64) -> Result<Self, ProofError> {
        if index >= head.count {
            return Err(Malformed::Number.into());
        }
        let entry = Entry::read(from)?;
        let length = path_length(index, head.count);
        let path: Result<_, Malformed> = (0..length).map(|_| from.array()).collect();
        Ok(Self {
            index,
            entry,
            path: path?,
        })
    }
}

impl Manifest {
    /// The proof that the entry with this path is one of this manifest; none where there is none.
    #[must_use]
    pub fn prove(&self, path: &str) -> Option<InclusionProof> {
        let place = Place::of(self, self.position(path).ok()?)?;
        let head = self.head;
        Some(InclusionProof { head, place })
    }

    /// The proof that no entry of this manifest has this path; none where one has.
    #[must_use]
    pub fn prove_absent(&self, path: &RelPath) -> Option<AbsenceProof> {
        let position = self.position(path.as_str()).err()?;
        let before = position.checked_sub(1);
        Some(AbsenceProof {
            head: self.head,
            position: position.try_into().ok()?,
            before: before.and_then(|index| Place::of(self, index)),
            behind: Place::of(self, position),
        })
    }
}
