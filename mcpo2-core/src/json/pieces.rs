use std::{
    collections::VecDeque,
    fmt,
    io::IoSlice,
    ops::Range,
    sync::{Arc, OnceLock},
};

use bytes::{Buf, Bytes};

use super::spliced;

/// An edit of a shorter text copies it: that costs less than to keep pieces.
const LONG: usize = 64 * 1024;

/// A text, and where it is long and was edited, the pieces that it has come to consist of.
#[derive(Clone)]
pub(crate) enum Text {
    Whole(Bytes),
    Pieces(Arc<Edited>),
}

/// A long text after an edit. What the edit left is shared with the text before.
pub(crate) struct Edited {
    pieces: Vec<Bytes>,
    /// Joined, once somebody asks for what does not stand in one piece.
    whole: OnceLock<Bytes>,
}

impl Text {
    pub(crate) fn whole(&self) -> &Bytes {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Pieces(edited) => edited.whole(),
        }
    }

    pub(crate) fn get(&self, at: &Range<usize>) -> Option<&[u8]> {
        match self {
            Self::Whole(bytes) => bytes.get(at.clone()),
            Self::Pieces(edited) => edited.get(at),
        }
    }

    /// The text with `with` in the place of `at`.
    pub(crate) fn replaced(&self, at: &Range<usize>, with: &[u8]) -> Self {
        match self {
            Self::Whole(bytes) if bytes.len() < LONG => Self::Whole(spliced(bytes, at, with)),
            Self::Whole(bytes) => Self::cut(std::slice::from_ref(bytes), at, with),
            Self::Pieces(edited) => Self::cut(&edited.pieces, at, with),
        }
    }

    /// The same, where `at` stands in `part`, which is in one piece afterwards as well.
    pub(crate) fn replaced_in(&self, part: &Range<usize>, at: &Range<usize>, with: &[u8]) -> Self {
        match self {
            Self::Whole(bytes) if bytes.len() < LONG => self.replaced(at, with),
            Self::Whole(_) | Self::Pieces(_) => {
                let within = at.start - part.start..at.end - part.start;
                let edited = spliced(self.get(part).unwrap_or_default(), &within, with);
                self.replaced(part, &edited)
            }
        }
    }

    fn cut(pieces: &[Bytes], at: &Range<usize>, with: &[u8]) -> Self {
        let (mut before, mut behind) = (Vec::with_capacity(pieces.len() + 2), Vec::new());
        let mut start = 0;
        for piece in pieces {
            let within = |place: usize| place.saturating_sub(start).min(piece.len());
            before.push(piece.slice(..within(at.start)));
            behind.push(piece.slice(within(at.end)..));
            start += piece.len();
        }
        before.push(Bytes::copy_from_slice(with));
        before.extend(behind);
        before.retain(|piece| !piece.is_empty());
        Self::Pieces(Arc::new(Edited {
            pieces: before,
            whole: OnceLock::new(),
        }))
    }

    /// The text to be written somewhere.
    pub(crate) fn pieces(&self) -> Pieces {
        match self {
            Self::Whole(bytes) => bytes.clone().into(),
            Self::Pieces(edited) => {
                let mut rest: VecDeque<Bytes> = edited.pieces.iter().cloned().collect();
                Pieces {
                    first: rest.pop_front().unwrap_or_default(),
                    rest,
                }
            }
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole().fmt(f)
    }
}

impl Edited {
    fn whole(&self) -> &Bytes {
        self.whole.get_or_init(|| self.pieces.concat().into())
    }

    fn get(&self, at: &Range<usize>) -> Option<&[u8]> {
        let mut start = 0;
        for piece in &self.pieces {
            if at.start >= start && at.end <= start + piece.len() {
                return piece.get(at.start - start..at.end - start);
            }
            start += piece.len();
        }
        self.whole().get(at.clone())
    }
}

/// The bytes of a message as they are written: in one piece, or in those that edits have left,
/// which nobody has to join.
///
/// ```
/// use bytes::{Buf as _, Bytes};
/// use mcpo2_core::Pieces;
///
/// let pieces = Pieces::from(Bytes::from("abc"));
/// assert_eq!((pieces.remaining(), pieces.chunk()), (3, &b"abc"[..]));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// Empty only where there is nothing more.
    first: Bytes,
    rest: VecDeque<Bytes>,
}

impl From<Bytes> for Pieces {
    fn from(first: Bytes) -> Self {
        let rest = VecDeque::new();
        Self { first, rest }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.first.len() + self.rest.iter().map(Bytes::len).sum::<usize>()
    }

    fn chunk(&self) -> &[u8] {
        &self.first
    }

    fn advance(&mut self, mut by: usize) {
        while by >= self.first.len() {
            by -= self.first.len();
            match self.rest.pop_front() {
                Some(next) => self.first = next,
                // The contract of `Buf` forbids more than there is.
                None => return self.first.clear(),
            }
        }
        self.first.advance(by);
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let pieces = std::iter::once(&self.first).chain(&self.rest);
        let pieces = pieces.filter(|piece| !piece.is_empty());
        let filled = into.iter_mut().zip(pieces);
        filled
            .map(|(slot, piece)| *slot = IoSlice::new(piece))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn an_edited_text_is_what_a_copy_would_be(
            edits in vec((any::<[prop::sample::Index; 2]>(), "[a-z]{0,4}"), 1..6),
            looks in vec(any::<[prop::sample::Index; 2]>(), 8),
            steps in vec(0_usize..4, 0..40),
        ) {
            let mut copy = b"0123456789".to_vec();
            let mut text = Text::cut(&[copy.clone().into()], &(0..0), b"");
            let span = |[one, two]: [prop::sample::Index; 2], length: usize| {
                let (one, two) = (one.index(length + 1), two.index(length + 1));
                one.min(two)..one.max(two)
            };
            for (at, with) in edits {
                let at = span(at, copy.len());
                copy.splice(at.clone(), with.bytes());
                text = text.replaced(&at, with.as_bytes());
            }
            for look in looks {
                let at = span(look, copy.len());
                prop_assert_eq!(text.get(&at), copy.get(at));
            }
            prop_assert_eq!(text.get(&(0..copy.len() + 1)), None);
            let (mut pieces, mut written) = (text.pieces(), Vec::new());
            for step in steps {
                let mut slices = [IoSlice::new(&[]); 64];
                let count = pieces.chunks_vectored(&mut slices);
                let all: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                prop_assert_eq!(all.len(), pieces.remaining());
                prop_assert_eq!([written.clone(), all.clone()].concat(), copy.clone());
                prop_assert_eq!(pieces.chunk().is_empty(), !pieces.has_remaining());
                let step = step.min(all.len());
                written.extend_from_slice(&all[..step]);
                pieces.advance(step);
            }
            prop_assert_eq!(text.whole(), &copy);
        }
    }

    #[test]
    fn an_edit_of_a_long_text_copies_none_of_it() {
        let long = Bytes::from(vec![b'x'; LONG]);
        let text = Text::Whole(long.clone()).replaced(&(10..12), b"yy");
        let kept = text.get(&(12..LONG)).unwrap();
        assert_eq!(kept.as_ptr(), long[12..].as_ptr());
        assert_eq!(text.pieces().chunk(), &long[..10]);
    }
}
