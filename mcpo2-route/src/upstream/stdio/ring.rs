use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// The last bytes of an endless text.
#[derive(Debug)]
pub(super) struct Ring {
    max: usize,
    bytes: Mutex<VecDeque<u8>>,
}

impl Ring {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            bytes: Mutex::default(),
        }
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        let last = bytes
            .get(bytes.len().saturating_sub(self.max)..)
            .unwrap_or_default();
        let mut kept = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let over = (kept.len() + last.len()).saturating_sub(self.max);
        kept.drain(..over);
        kept.extend(last);
    }

    pub(super) fn contents(&self) -> Vec<u8> {
        let kept = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_stay() {
        let ring = Ring::new(4);
        ring.push(b"ab");
        ring.push(b"cde");
        assert_eq!(ring.contents(), b"bcde");
        ring.push(b"0123456789");
        assert_eq!(ring.contents(), b"6789");
    }
}
