use std::ops::Range;

use bytes::Bytes;

/// A text with `with` in the place of `at`, every other byte as it is; an empty span inserts.
pub(crate) fn spliced(source: &[u8], at: &Range<usize>, with: &[u8]) -> Bytes {
    let before = source.get(..at.start).unwrap_or_default();
    let behind = source.get(at.end..).unwrap_or_default();
    [before, with, behind].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_gives_way() {
        assert_eq!(spliced(b"one two three", &(4..7), b"2"), "one 2 three");
        assert_eq!(spliced(b"{}", &(1..1), b"\"a\":1"), "{\"a\":1}");
        assert_eq!(spliced(b"one", &(0..3), b""), "");
    }
}
