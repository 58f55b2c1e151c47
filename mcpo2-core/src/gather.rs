use bytes::Bytes;

/// How many times what has come is allocated for what is announced.
const TRUST: usize = 16;

/// The least and the most that is allocated at once for what is not announced.
const BLOCK: (usize, usize) = (4 * 1024, 1024 * 1024);

/// Bytes that come in pieces and are to be one.
///
/// A single piece stays where it is. Of several each is copied into a place that is allocated for
/// all that is announced; but who announces much and sends little gets no more than sixteen times
/// what was sent. What nobody announced comes into blocks that are put together at the end, so that
/// one that has no end takes little more than what is read of it.
///
/// ```
/// use mcpo2_core::Gather;
///
/// let mut gather = Gather::new(Some(6));
/// gather.push("abc".into());
/// gather.push("def".into());
/// assert_eq!(gather.finish(), "abcdef");
/// ```
#[derive(Debug)]
pub struct Gather {
    announced: usize,
    length: usize,
    first: Bytes,
    /// The first piece and all others, once there are others.
    blocks: Vec<Vec<u8>>,
}

impl Gather {
    /// Nothing yet, of as many bytes as are announced, if that is known.
    #[must_use]
    pub fn new(announced: Option<u64>) -> Self {
        let announced = announced.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            announced: announced.unwrap_or_default(),
            length: 0,
            first: Bytes::new(),
            blocks: Vec::new(),
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.is_empty() {
            self.length = piece.len();
            self.first = piece;
            return;
        }
        let first = std::mem::take(&mut self.first);
        let before = self.length - first.len();
        self.length += piece.len();
        self.copy(&first, before);
        self.copy(&piece, before + first.len());
    }

    /// All of them.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        match self.blocks.len() {
            0 => self.first,
            1 => self.blocks.pop().unwrap_or_default().into(),
            _ => self.blocks.concat().into(),
        }
    }

    /// Copies a piece behind the `before` bytes that are copied already.
    fn copy(&mut self, piece: &[u8], before: usize) {
        let room = |block: &Vec<u8>| block.capacity() - block.len();
        let fits = self.blocks.last().map_or(0, room).min(piece.len());
        let (fitting, rest) = piece.split_at_checked(fits).unwrap_or((piece, &[]));
        if let Some(block) = self.blocks.last_mut() {
            block.extend_from_slice(fitting);
        }
        if !rest.is_empty() {
            let mut block = Vec::with_capacity(self.size(before + fits).max(rest.len()));
            block.extend_from_slice(rest);
            self.blocks.push(block);
        }
    }

    /// How large the next block is, behind so many bytes.
    fn size(&self, before: usize) -> usize {
        let trusted = self.announced.min(self.length.saturating_mul(TRUST));
        match trusted.checked_sub(before) {
            Some(announced) if announced > 0 => announced,
            _ => self.length.clamp(BLOCK.0, BLOCK.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; 100]);
        let mut gather = Gather::new(Some(100));
        gather.push(Bytes::new());
        gather.push(piece.clone());
        gather.push(Bytes::new());
        assert_eq!(gather.len(), 100);
        assert_eq!(gather.finish().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn what_is_announced_is_allocated_once_and_believed_only_so_far() {
        let mut gather = Gather::new(Some(1 << 20));
        let piece = Bytes::from(vec![7; 1 << 16]);
        (0..16).for_each(|_| gather.push(piece.clone()));
        assert_eq!((gather.len(), gather.blocks.len()), (1 << 20, 1));
        assert_eq!(gather.blocks[0].capacity(), 1 << 20);

        let mut gather = Gather::new(Some(1 << 40));
        (0..3).for_each(|_| gather.push(Bytes::from_static(b"abc")));
        assert!(
            gather
                .blocks
                .iter()
                .all(|block| block.capacity() <= 9 * TRUST)
        );
        assert_eq!(gather.finish(), "abcabcabc");
    }

    #[test]
    fn what_is_announced_wrong_or_not_at_all_comes_all_the_same() {
        for announced in [None, Some(0), Some(5)] {
            let mut gather = Gather::new(announced);
            (0..100).for_each(|_| gather.push(Bytes::from_static(b"abcdefg")));
            assert_eq!(gather.finish(), "abcdefg".repeat(100));
        }
    }

    #[test]
    fn what_has_no_end_takes_little_more_than_what_came_of_it() {
        let mut gather = Gather::new(None);
        for piece in [1, 5000, 1, 100_000, 7].into_iter().cycle().take(400) {
            gather.push(Bytes::from(vec![7; piece]));
            let taken: usize = gather.blocks.iter().map(Vec::capacity).sum();
            assert!(taken <= gather.len() + gather.len().clamp(BLOCK.0, BLOCK.1));
        }
        assert_eq!(gather.finish().len(), 80 * 105_009);
    }
}
