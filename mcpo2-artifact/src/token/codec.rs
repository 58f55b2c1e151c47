//! The bytes of a token: numbers and texts, each written in one way only.

use crate::range::{MAX_RANGES, Ranges};

/// The most bytes of a token, with its caveats and its tag, before it is written in base64url.
pub const MAX_TOKEN: usize = 512;

/// The bytes are none that this module writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// What has canonical bytes: `take` reads exactly what `put` writes, and nothing else.
pub(super) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// The bytes that are left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    /// LEB128, the shortest way.
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            // A last byte of zero would be a second way, and bits that fall out a second meaning.
            if placed >> shift != bits || (byte == 0 && shift > 0) {
                return Err(Malformed);
            }
            number |= placed;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Malformed)
    }

    /// A text that has its form or is refused.
    pub(super) fn parse<T: std::str::FromStr>(&mut self) -> Result<T, Malformed> {
        self.text()?.parse().map_err(|_| Malformed)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len().try_into().unwrap_or(u64::MAX));
    out.extend_from_slice(text.as_bytes());
}

/// Zero ranges stand for all bytes: no token grants none.
impl Wire for Ranges {
    fn put(&self, out: &mut Vec<u8>) {
        let written = if self.is_all() { Self::NONE } else { *self };
        put_number(out, written.len().try_into().unwrap_or(u64::MAX));
        let mut end = 0;
        for range in written.iter() {
            put_number(out, range.start - end);
            put_number(out, range.end - range.start);
            end = range.end;
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(from.number()?).map_err(|_| Malformed)?;
        if count == 0 {
            return Ok(Self::all());
        }
        if count > MAX_RANGES {
            return Err(Malformed);
        }
        let mut list = Vec::with_capacity(count);
        let mut end = 0_u64;
        for _ in 0..count {
            let start = end.checked_add(from.number()?).ok_or(Malformed)?;
            end = start.checked_add(from.number()?).ok_or(Malformed)?;
            list.push(start..end);
        }
        let ranges = Self::new(list).map_err(|_| Malformed)?;
        // Fewer: one was empty, or touched the next.
        match ranges.len() == count && !ranges.is_all() {
            true => Ok(ranges),
            false => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_written_in_one_way() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            let mut reader = Reader(&out);
            assert_eq!(reader.number(), Ok(number));
            assert!(reader.is_empty());
        }
        for bad in [
            &[0x80, 0][..],
            &[0xff; 10],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0x80],
            &[],
        ] {
            assert_eq!(Reader(bad).number(), Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn ranges_that_are_not_merged_are_refused() {
        let all = u64::MAX;
        for pairs in [&[(0, all)][..], &[(3, 0)], &[(0, 2), (0, 2)], &[(9, all)]] {
            let mut out = Vec::new();
            put_number(&mut out, pairs.len() as u64);
            for (gap, length) in pairs {
                put_number(&mut out, *gap);
                put_number(&mut out, *length);
            }
            assert_eq!(Ranges::take(&mut Reader(&out)), Err(Malformed), "{pairs:?}");
        }
    }
}
