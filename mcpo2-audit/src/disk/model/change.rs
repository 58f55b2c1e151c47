//! What a disk in memory is to do, and what a crash leaves of it.

const SECTOR: usize = 512;

/// Something that is done to a file, and not safe yet.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// Writes some sectors of what was to be written: all, none, those in front, or any.
pub(super) fn tear(to: &mut Vec<u8>, mut offset: usize, mut bytes: &[u8], chance: &mut Chance) {
    let manner = chance.below(4);
    let front = chance.below(bytes.len() / SECTOR + 2);
    for number in 0.. {
        let length = (SECTOR - offset % SECTOR).min(bytes.len());
        let Some((sector, rest)) = bytes.split_at_checked(length).filter(|it| !it.0.is_empty())
        else {
            return;
        };
        let kept = match manner {
            0 => true,
            1 => false,
            2 => number < front,
            _ => chance.coin(),
        };
        if kept {
            apply(to, &Change::Write(offset, sector.into()));
        }
        (offset, bytes) = (offset + length, rest);
    }
}

impl Change {
    pub(super) fn end(&self, now: usize) -> usize {
        match self {
            Self::Write(offset, bytes) => now.max(offset + bytes.len()),
            Self::Length(length) => *length,
        }
    }
}

pub(super) fn apply(to: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => to.resize(*length, 0),
        Change::Write(offset, bytes) => {
            if to.len() < offset + bytes.len() {
                to.resize(offset + bytes.len(), 0);
            }
            let there = to.get_mut(*offset..).unwrap_or_default();
            there
                .iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
        }
    }
}

/// A small generator of chances, the same for the same seed.
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn coin(&mut self) -> bool {
        self.next() & 0x100 == 0
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from((self.next() >> 8) % end).unwrap_or_default()
    }
}
