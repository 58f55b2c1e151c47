use bytes::Bytes;

/// How many times what has come is allocated for what is announced.
const TRUST: usize = 16;

/// Bytes that come in pieces and are to be one.
///
/// A single piece stays where it is. Of several each is copied once, into a place that is
/// allocated for all that is announced; but who announces much and sends little gets no more than
/// sixteen times what was sent.
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
    first: Bytes,
    /// The first piece and all others, once there are others.
    all: Vec<u8>,
}

impl Gather {
    /// Nothing yet, of as many bytes as are announced, if that is known.
    #[must_use]
    pub fn new(announced: Option<u64>) -> Self {
        let announced = announced.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            announced: announced.unwrap_or_default(),
            first: Bytes::new(),
            all: Vec::new(),
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.is_empty() {
            self.first = piece;
            return;
        }
        let needed = self.len() + piece.len();
        if needed > self.all.capacity() {
            let trusted = self.announced.min(needed.saturating_mul(TRUST));
            self.all.reserve(trusted.max(needed) - self.all.len());
        }
        self.all.extend_from_slice(&std::mem::take(&mut self.first));
        self.all.extend_from_slice(&piece);
    }

    /// All of them.
    #[must_use]
    pub fn finish(self) -> Bytes {
        match self.all.is_empty() {
            true => self.first,
            false => self.all.into(),
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
        assert_eq!((gather.len(), gather.all.capacity()), (1 << 20, 1 << 20));

        let mut gather = Gather::new(Some(1 << 40));
        (0..3).for_each(|_| gather.push(Bytes::from_static(b"abc")));
        assert!(gather.all.capacity() <= 9 * TRUST);
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
}
