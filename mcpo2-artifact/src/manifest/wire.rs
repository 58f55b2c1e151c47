//! The canonical bytes that everything here is written in: numbers as the shortest unsigned LEB128,
//! texts and lists behind their lengths. What is read must have been written so.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// They do not begin with the name of what they should be.
    #[error("the bytes are of another kind")]
    Magic,
    /// They are of a version that is not known here.
    #[error("the version is not known")]
    Version,
    /// They end too early.
    #[error("the bytes end too early")]
    End,
    /// There are more than it takes.
    #[error("there are more bytes than it takes")]
    Trailing,
    /// A number is not written as short as it could be, or is over 64 bits.
    #[error("a number is not in its shortest form, or too large")]
    Number,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A list or text is longer than it may be.
    #[error("a list or a text is longer than it may be")]
    Length,
    /// A list is not in its order, or has something twice.
    #[error("a list is not in its order")]
    Order,
    /// A kind that is not known here.
    #[error("a kind is not known")]
    Kind,
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn magic(&mut self, magic: &[u8]) -> Result<(), Malformed> {
        self.0 = self.0.strip_prefix(magic).ok_or(Malformed::Magic)?;
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.0.split_first().ok_or(Malformed::End)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits || (byte == 0 && shift > 0) {
                return Err(Malformed::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::Number)
    }

    /// A number that is at most this.
    pub(super) fn length(&mut self, most: usize) -> Result<usize, Malformed> {
        let number = usize::try_from(self.number()?).map_err(|_| Malformed::Length)?;
        (number <= most).then_some(number).ok_or(Malformed::Length)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed::End)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Malformed::End)?;
        self.0 = rest;
        Ok(*array)
    }

    /// Bytes behind their length, which is at most this.
    pub(super) fn bytes(&mut self, most: usize) -> Result<&'a [u8], Malformed> {
        let length = self.length(most)?;
        self.take(length)
    }

    /// A text behind its length, which is at most this.
    pub(super) fn text(&mut self, most: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(most)?).map_err(|_| Malformed::Text)
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn end(self) -> Result<(), Malformed> {
        self.0.is_empty().then_some(()).ok_or(Malformed::Trailing)
    }
}

pub(super) fn put_number(to: &mut Vec<u8>, mut number: u64) {
    loop {
        let [bits, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return to.push(bits & 0x7f);
        }
        to.push(bits | 0x80);
    }
}

pub(super) fn put_length(to: &mut Vec<u8>, length: usize) {
    put_number(to, length.try_into().unwrap_or(u64::MAX));
}

pub(super) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_length(to, bytes.len());
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form() {
        for number in (0..300).chain([u64::MAX >> 1, u64::MAX - 1, u64::MAX]) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.number(), Ok(number));
            assert_eq!(reader.end(), Ok(()));
            *bytes.last_mut().unwrap() |= 0x80;
            bytes.push(0);
            assert_eq!(Reader::new(&bytes).number(), Err(Malformed::Number));
        }
    }

    #[test]
    fn a_number_over_64_bits_is_refused() {
        let mut bytes = vec![0xff; 9];
        bytes.push(2);
        assert_eq!(Reader::new(&bytes).number(), Err(Malformed::Number));
        assert_eq!(Reader::new(&[0xff; 30]).number(), Err(Malformed::Number));
        assert_eq!(Reader::new(&[0xff; 5]).number(), Err(Malformed::End));
    }
}
