use std::ops::{Range, RangeInclusive};

use blake3::{Hasher, hazmat::HasherExt as _};
use mcpo2_core::Digest;

use crate::manifest::{
    Entry, InclusionProof, Malformed, ProofError,
    tree::Hash,
    wire::{Reader, put_number},
};

use super::{
    Cover,
    lines::ends,
    plan::file_of,
    span::{Part, Side, Span},
};

const MAGIC: &[u8] = b"mcpo2 excerpt\n";

/// That bytes are a part of a file of the manifest with a root; it has the bytes too.
///
/// [The module](super) shows how it is made and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptProof {
    pub(super) file: InclusionProof,
    pub(super) part: Part,
    /// The chaining values beside the part, from the left.
    pub(super) hashes: Box<[Hash]>,
    /// The bytes that the part covers.
    pub(super) data: Box<[u8]>,
}

impl ExcerptProof {
    /// The excerpt, once it is verified.
    ///
    /// # Errors
    ///
    /// [`ProofError::Root`] where its file is not one of the manifest with this root, and
    /// [`ProofError::Content`] where the bytes are not those of the file.
    pub fn verify(&self, root: &Digest) -> Result<Excerpt<'_>, ProofError> {
        let entry = self.file.verify(root)?;
        self.check_content()?;
        Ok(Excerpt { entry, proof: self })
    }

    /// The canonical bytes: the entry and its hashes, the range, the hashes of the file, its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        self.file.write(&mut bytes);
        put_number(&mut bytes, self.part.range.start);
        put_number(&mut bytes, self.part.range.end);
        bytes.push(match self.part.cover {
            Cover::Part => 0,
            Cover::Beginning => 1,
        });
        self.hashes
            .iter()
            .for_each(|hash| bytes.extend_from_slice(hash));
        bytes.extend_from_slice(&self.data);
        bytes
    }

    /// Reads what [`ExcerptProof::to_bytes`] wrote; it is not verified by that.
    ///
    /// # Errors
    ///
    /// [`ProofError`] where nothing would write it so.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let mut from = Reader::new(bytes);
        from.magic(MAGIC)?;
        let file = InclusionProof::read(&mut from)?;
        let (size, _) = file_of(file.claimed())?;
        let part = read_part(&mut from, size)?;
        let mut hashes = Vec::new();
        // How many there are follows from the part; what they come to is not looked at yet.
        part.digest(|side| {
            if let Side::Outside(_) = side {
                hashes.push(from.array()?);
            }
            Ok::<_, Malformed>(Hash::default())
        })?;
        let covered = part.covered();
        let length = usize::try_from(covered.end - covered.start).map_err(|_| Malformed::End)?;
        let data = from.take(length)?.into();
        from.end()?;
        Ok(Self {
            file,
            part,
            hashes: hashes.into(),
            data,
        })
    }

    /// That the bytes and the hashes lead to the digest of the file.
    pub(super) fn check_content(&self) -> Result<(), ProofError> {
        let (size, digest) = file_of(self.file.claimed())?;
        let covered = self.part.covered();
        if u64::try_from(self.data.len()) != Ok(covered.end - covered.start) {
            return Err(ProofError::Content);
        }
        let mut hashes = self.hashes.iter();
        let found = self.part.digest(|side| match side {
            Side::Outside(_) => hashes.next().copied().ok_or(ProofError::Content),
            Side::Inside(span) => {
                let bytes = part_of(&self.data, covered.start, span);
                Ok(value(bytes.ok_or(ProofError::Content)?, span, size))
            }
        })?;
        let holds = found == *digest.as_bytes();
        holds.then_some(()).ok_or(ProofError::Content)
    }
}

fn read_part(from: &mut Reader<'_>, size: u64) -> Result<Part, ProofError> {
    let range = from.number()?..from.number()?;
    let cover = match from.byte()? {
        0 => Cover::Part,
        1 => Cover::Beginning,
        _ => return Err(Malformed::Kind.into()),
    };
    let part = Part::new(size, range, cover)?;
    // One that is at the beginning anyway is not written otherwise.
    (part.cover == cover)
        .then_some(part)
        .ok_or(Malformed::Kind.into())
}

/// The bytes of a span out of data that begins at `start` of the file.
fn part_of(data: &[u8], start: u64, span: Span) -> Option<&[u8]> {
    let from = usize::try_from(span.start.checked_sub(start)?).ok()?;
    let to = usize::try_from(span.end.checked_sub(start)?).ok()?;
    data.get(from..to)
}

/// The hash of these bytes as a node of the tree of a file that is `size` long.
fn value(bytes: &[u8], span: Span, size: u64) -> Hash {
    if span == Span::whole(size) {
        return *blake3::hash(bytes).as_bytes();
    }
    let mut hasher = Hasher::new();
    hasher.set_input_offset(span.start);
    hasher.update(bytes).finalize_non_root()
}

/// A part of a file of a manifest, verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excerpt<'a> {
    entry: &'a Entry,
    proof: &'a ExcerptProof,
}

impl<'a> Excerpt<'a> {
    /// The file.
    #[must_use]
    pub fn entry(&self) -> &'a Entry {
        self.entry
    }

    /// Where the part stands in the file, in bytes.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.proof.part.range.clone()
    }

    /// The bytes of the part.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.above_and_bytes().1
    }

    /// The lines that the part touches, counted from one; none where its numbers are not proven, or
    /// the file is empty.
    ///
    /// A line ends behind its `\n`. The first and the last line may be there in part.
    #[must_use]
    pub fn lines(&self) -> Option<RangeInclusive<u64>> {
        let (above, bytes) = self.above_and_bytes();
        let (_, before_last) = bytes.split_last()?;
        let first = (self.proof.part.covered().start == 0).then(|| ends(above) + 1)?;
        Some(first..=first + ends(before_last))
    }

    /// What is covered before the part, and the part.
    fn above_and_bytes(&self) -> (&'a [u8], &'a [u8]) {
        let (range, start) = (self.range(), self.proof.part.covered().start);
        let span = |start, end| Span { start, end };
        let above = part_of(&self.proof.data, start, span(start, range.start));
        let bytes = part_of(&self.proof.data, start, span(range.start, range.end));
        (above.unwrap_or_default(), bytes.unwrap_or_default())
    }
}
