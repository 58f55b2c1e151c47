use mcpo2_core::Digest;

use super::{
    Entry, Malformed, Manifest, ManifestError, Withheld,
    head::Head,
    wire::{Reader, put_length},
};

const MAGIC: &[u8] = b"mcpo2 manifest\n";
const WITHHELD: &str = "mcpo2 manifest withheld v1";

impl Manifest {
    /// The canonical bytes: the head, each entry, what was withheld.
    ///
    /// Two manifests have the same bytes if and only if they are the same.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        self.head.write(&mut bytes);
        self.entries
            .iter()
            .for_each(|entry| entry.write(&mut bytes));
        self.write_withheld(&mut bytes);
        bytes
    }

    /// Reads what [`Manifest::to_bytes`] wrote.
    ///
    /// It takes memory as the bytes hold entries, and never as they say that they do.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] where any other bytes than these would say the same, and where
    /// [`Manifest::new`] would refuse them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut from = Reader::new(bytes);
        from.magic(MAGIC)?;
        let head = Head::read(&mut from)?;
        let entries = list(&mut from, head.count, Entry::read)?;
        let count = from.number()?;
        let withheld = list(&mut from, count, Withheld::read)?;
        from.end()?;
        if !entries.is_sorted_by(|one, two| one.path() < two.path())
            || !withheld.is_sorted_by(|one, two| one < two)
        {
            return Err(Malformed::Order.into());
        }
        let manifest = Self::new(head.spec, entries, withheld)?;
        (manifest.head == head)
            .then_some(manifest)
            .ok_or(Malformed::Number.into())
    }

    /// The digest of what was withheld, and why.
    #[must_use]
    pub fn withheld_digest(&self) -> Digest {
        let mut bytes = Vec::new();
        self.write_withheld(&mut bytes);
        Digest::from_bytes(blake3::derive_key(WITHHELD, &bytes))
    }

    fn write_withheld(&self, to: &mut Vec<u8>) {
        put_length(to, self.withheld.len());
        self.withheld.iter().for_each(|withheld| withheld.write(to));
    }
}

/// Reads so many, into a list that grows with what is there.
fn list<T>(
    from: &mut Reader<'_>,
    count: u64,
    read: impl Fn(&mut Reader<'_>) -> Result<T, ManifestError>,
) -> Result<Vec<T>, ManifestError> {
    let most = u64::try_from(Manifest::MAX_ENTRIES).unwrap_or(u64::MAX);
    if count > most {
        return Err(ManifestError::TooMany);
    }
    (0..count).map(|_| read(from)).collect()
}
