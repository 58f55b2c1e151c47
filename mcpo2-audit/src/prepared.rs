//! Records on their way to the writer, with their bytes one behind the other.

use std::cell::Cell;

use mcpo2_verify::Kind;

use crate::commit::Notice;

/// What a record takes beside its bytes, about.
const REST: usize = 256;
/// How much memory a thread keeps for the next record that it prepares.
const KEPT: usize = 16 * 1024;

thread_local! {
    static KEPT_ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A record of which all but its place is settled.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) kind: Kind,
    /// The tag of its tenant; zero where it has none.
    pub(crate) tenant: [u8; 32],
    /// Its body, as it is hashed and written; behind that its personal values, sealed, if it has
    /// any.
    pub(crate) bytes: Vec<u8>,
    /// Where the body ends.
    pub(crate) body: usize,
    /// Who waits for it.
    pub(crate) notice: Option<Notice>,
}

/// Memory for a record, of one that this thread prepared before.
pub(crate) fn room() -> Vec<u8> {
    // A thread that ends may have dropped it.
    KEPT_ROOM.try_with(Cell::take).unwrap_or_default()
}

/// Records that are written, synced and signed at once.
#[derive(Debug, Default)]
pub(crate) struct Group {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    /// Room for what is written of them.
    frames: Vec<u8>,
}

/// A record of a group, without its bytes.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) tenant: [u8; 32],
    pub(crate) notice: Option<Notice>,
    body: usize,
    /// How long body and vault are together.
    length: usize,
}

impl Group {
    /// Takes a record over, and keeps its memory for the next one of this thread.
    pub(crate) fn push(&mut self, record: Prepared) {
        let Prepared {
            kind,
            tenant,
            mut bytes,
            body,
            notice,
        } = record;
        self.bytes.extend_from_slice(&bytes);
        self.entries.push(Entry {
            kind,
            tenant,
            notice,
            body,
            length: bytes.len(),
        });
        if bytes.capacity() <= KEPT {
            bytes.clear();
            let _ = KEPT_ROOM.try_with(|room| room.set(bytes));
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes its records are, about.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * REST
    }

    /// Takes the room for what is written of its records, which is empty.
    pub(crate) fn take_frames(&mut self) -> Vec<u8> {
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        frames
    }

    /// Keeps that room for the next group in this memory.
    pub(crate) fn keep_frames(&mut self, frames: Vec<u8>) {
        self.frames = frames;
    }

    /// Its records, each with its body and what is sealed of it.
    pub(crate) fn records(&mut self) -> impl Iterator<Item = (&mut Entry, &[u8], &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.entries.iter_mut().filter_map(move |entry| {
            // INVARIANT: the bytes are those of all records together, so the splits always fit.
            let (bytes, behind) = rest.split_at_checked(entry.length)?;
            rest = behind;
            let (body, vault) = bytes.split_at_checked(entry.body)?;
            Some((entry, body, vault))
        })
    }

    /// Who waits for its records.
    pub(crate) fn into_notices(self) -> impl Iterator<Item = Notice> {
        self.entries.into_iter().filter_map(|entry| entry.notice)
    }

    /// An empty group in the same memory; none where that is more than so many bytes.
    pub(crate) fn emptied(mut self, most: usize) -> Option<Self> {
        self.entries.clear();
        self.bytes.clear();
        self.frames.clear();
        let held = self.bytes.capacity() + self.frames.capacity();
        (held <= most).then_some(self)
    }
}

impl FromIterator<Prepared> for Group {
    fn from_iter<T: IntoIterator<Item = Prepared>>(records: T) -> Self {
        let mut group = Self::default();
        records.into_iter().for_each(|record| group.push(record));
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &[u8], vault: &[u8]) -> Prepared {
        Prepared {
            kind: Kind::CALL,
            tenant: [0; 32],
            bytes: [body, vault].concat(),
            body: body.len(),
            notice: None,
        }
    }

    #[test]
    fn each_record_comes_out_as_it_was_put_in() {
        let records: [(&[u8], &[u8]); 4] = [(b"ab", b"c"), (b"", b""), (b"d", b""), (b"", b"ef")];
        let mut group: Group = records.iter().map(|(b, v)| record(b, v)).collect();
        let parts = group.records();
        let got: Vec<_> = parts.map(|(_, body, vault)| (body, vault)).collect();
        assert_eq!(got, records);
        let mut empty = group.emptied(usize::MAX).unwrap();
        assert_eq!((empty.count(), empty.size()), (0, 0));
        assert_eq!(empty.records().count(), 0);
    }

    #[test]
    fn threads_and_groups_keep_no_more_memory_than_they_may() {
        let mut group: Group = [record(&vec![7; KEPT + 1], b"")].into_iter().collect();
        assert!(room().capacity() <= KEPT);
        group.push(record(b"small", b""));
        assert!(room().capacity() >= 5);
        assert!(group.emptied(KEPT).is_none());
    }
}
