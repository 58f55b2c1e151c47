use std::fmt;

use super::{ChunkIndex, Chunking};

const TABLE: usize = 256;

/// Says where content is cut.
pub(crate) struct Cutter {
    how: How,
    longest: usize,
    most_chunks: u64,
}

enum How {
    Content(Box<Gear>),
    /// As it was before, whatever the sizes are now: who named those chunks in a root must find them
    /// in the index as long as it is there.
    Again(std::vec::IntoIter<usize>),
}

impl Cutter {
    pub(crate) fn new(chunking: &Chunking, table: Box<[u64; TABLE]>, size: u64) -> Self {
        Self {
            how: How::Content(Box::new(Gear::new(chunking, table))),
            longest: position(chunking.most),
            most_chunks: chunking.most_chunks(size),
        }
    }

    /// Cuts where this index does.
    pub(crate) fn again(index: &ChunkIndex) -> Self {
        let lengths = index.chunks().iter().map(|chunk| position(chunk.length));
        let lengths: Vec<_> = lengths.collect();
        Self {
            longest: lengths.iter().copied().max().unwrap_or(1),
            most_chunks: lengths.len().try_into().unwrap_or(u64::MAX),
            how: How::Again(lengths.into_iter()),
        }
    }

    /// No chunk is longer.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// There are no more chunks.
    pub(crate) fn most_chunks(&self) -> u64 {
        self.most_chunks
    }

    /// How long the chunk is that these bytes begin with; none where it goes on behind them. Then all
    /// of them come again, with more.
    pub(crate) fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        let cut = match &mut self.how {
            How::Content(gear) => gear.cut(bytes),
            How::Again(lengths) => match lengths.as_slice().first() {
                Some(next) if *next <= bytes.len() => lengths.next(),
                _ => None,
            },
        };
        cut.or_else(|| (bytes.len() >= self.longest).then_some(self.longest))
    }
}

impl fmt::Debug for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cutter")
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

/// Cuts where a hash of the last 64 bytes has zeros: more of them before the mean size than behind it,
/// so that most chunks are near it (FastCDC: Xia et al., USENIX ATC 2016).
struct Gear {
    table: Box<[u64; TABLE]>,
    least: usize,
    mean: usize,
    most: usize,
    before: u64,
    behind: u64,
    hash: u64,
    /// How many bytes of the chunk were looked at.
    seen: usize,
}

impl Gear {
    fn new(chunking: &Chunking, table: Box<[u64; TABLE]>) -> Self {
        let bits = chunking.mean.ilog2();
        Self {
            table,
            least: position(chunking.least),
            mean: position(chunking.mean),
            most: position(chunking.most),
            before: first(bits.saturating_add(2)),
            behind: first(bits.saturating_sub(2)),
            hash: 0,
            seen: 0,
        }
    }

    fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = bytes.len().min(self.most);
        let from = self.seen.max(self.least.saturating_sub(1));
        for (at, byte) in (from..).zip(bytes.get(from..end).unwrap_or_default()) {
            let gear = self.table.get(usize::from(*byte)).copied();
            self.hash = (self.hash << 1).wrapping_add(gear.unwrap_or_default());
            let zeros = if at < self.mean {
                self.before
            } else {
                self.behind
            };
            if self.hash & zeros == 0 {
                return Some(self.begin(at.saturating_add(1)));
            }
        }
        self.seen = end;
        (end == self.most).then(|| self.begin(end))
    }

    fn begin(&mut self, cut: usize) -> usize {
        (self.hash, self.seen) = (0, 0);
        cut
    }
}

/// The first bits of a hash, which all 64 bytes have a part in.
fn first(bits: u32) -> u64 {
    !(u64::MAX.checked_shr(bits).unwrap_or(0))
}

fn position(length: u32) -> usize {
    length.try_into().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{Space, TenantKeys};

    fn content(seed: u8, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        blake3::Hasher::new()
            .update(&[seed])
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    fn table(secret: u8) -> Box<[u64; TABLE]> {
        TenantKeys::new(Space::from_bytes([0; 16]), &[secret; 32]).gear()
    }

    /// The lengths of the chunks, when the bytes come in parts of this many.
    fn lengths(mut cutter: Cutter, bytes: &[u8], part: usize) -> Vec<usize> {
        let (mut lengths, mut from, mut to) = (Vec::new(), 0, 0);
        while from < bytes.len() {
            to = (to + part).min(from + cutter.longest()).min(bytes.len());
            while let Some(length) = cutter.cut(&bytes[from..to]) {
                lengths.push(length);
                from += length;
            }
            if to == bytes.len() && from < to {
                lengths.push(to - from);
                from = to;
            }
        }
        lengths
    }

    #[test]
    fn chunks_have_the_sizes_that_were_asked_for_however_the_bytes_come() {
        let chunking = Chunking::default().with_sizes(4096, 16_384, 65_536);
        let chunking = chunking.unwrap();
        let bytes = content(1, 4 << 20);
        let size = 4 << 20;
        let cut = |secret, part| lengths(Cutter::new(&chunking, table(secret), size), &bytes, part);
        let one = cut(1, 10_000);
        assert_eq!(one.iter().sum::<usize>(), bytes.len());
        let (_, all_but_last) = one.split_last().unwrap();
        assert!(all_but_last.iter().all(|it| (4096..=65_536).contains(it)));
        assert!((150..400).contains(&one.len()), "{}", one.len());
        for part in [1000, 65_536, 1 << 20] {
            assert_eq!(cut(1, part), one);
        }
        assert_ne!(cut(2, 10_000), one, "another key cuts elsewhere");
        let zeros = vec![0; 1 << 20];
        let cutter = Cutter::new(&chunking, table(1), 1 << 20);
        assert!(cutter.most_chunks() > 256);
        assert!(lengths(cutter, &zeros, 5000).len() <= 256);
    }

    #[test]
    fn only_the_chunks_about_an_edit_are_others() {
        let chunking = Chunking::default();
        let mut bytes = content(3, 24 << 20);
        let cut = |bytes: &[u8]| {
            let size = bytes.len() as u64;
            let lengths = lengths(Cutter::new(&chunking, table(1), size), bytes, 1 << 20);
            let mut rest = bytes;
            let chunks = lengths.iter().map(|length| {
                let (chunk, behind) = rest.split_at(*length);
                rest = behind;
                blake3::hash(chunk)
            });
            chunks.collect::<Vec<_>>()
        };
        let before = cut(&bytes);
        bytes.splice(9 << 20..(9 << 20) + 3, *b"some other bytes");
        let others = cut(&bytes);
        let new = others.iter().filter(|it| !before.contains(it)).count();
        assert!((15..40).contains(&others.len()), "{}", others.len());
        assert!(new <= 3, "{new} of {}", others.len());
    }
}
