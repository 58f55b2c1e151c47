use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

/// Replaces spans of a text and leaves every other byte as it is.
#[derive(Debug)]
pub(crate) struct Splice<'a> {
    source: &'a [u8],
    edits: Vec<(Range<usize>, Vec<u8>)>,
}

impl<'a> Splice<'a> {
    pub(crate) fn new(source: &'a [u8]) -> Self {
        Self {
            source,
            edits: Vec::new(),
        }
    }

    /// Puts `with` in place of `span`; an empty span inserts.
    pub(crate) fn replace(mut self, span: Range<usize>, with: impl Into<Vec<u8>>) -> Self {
        self.edits.push((span, with.into()));
        self
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.edits.sort_by_key(|(span, _)| span.start);
        let added: usize = self.edits.iter().map(|(_, with)| with.len()).sum();
        let mut out = BytesMut::with_capacity(self.source.len() + added);
        let mut done = 0;
        for (span, with) in &self.edits {
            out.put_slice(self.source.get(done..span.start).unwrap_or_default());
            out.put_slice(with);
            done = span.end;
        }
        out.put_slice(self.source.get(done..).unwrap_or_default());
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_order_of_position() {
        let out = Splice::new(b"one two three")
            .replace(8..13, "3")
            .replace(0..3, "1")
            .finish();
        assert_eq!(out, "1 two 3");
        let out = Splice::new(b"{}").replace(1..1, "\"a\":1").finish();
        assert_eq!(out, "{\"a\":1}");
    }
}
