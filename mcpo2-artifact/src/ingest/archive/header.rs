use super::super::{Error, ErrorKind};

/// The length of a block of a tar archive.
pub(super) const BLOCK: usize = 512;

/// One header of a tar archive (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar, "Basic Tar
/// Format"): fields of a fixed place.
pub(super) struct Header<'b>(&'b [u8; BLOCK]);

pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

impl<'b> Header<'b> {
    /// The header in a block, whose sum must hold.
    pub(super) fn new(block: &'b [u8; BLOCK]) -> Result<Self, Error> {
        let header = Self(block);
        let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
        let field = header.field(148, 8);
        let of_field: u64 = field.iter().map(|b| u64::from(*b)).sum();
        // The sum is made as if its own field had spaces.
        if header.number(148, 8)? != sum - of_field + 8 * u64::from(b' ') {
            return Err(malformed("the sum of a header is wrong"));
        }
        Ok(header)
    }

    /// The path: the name, and before it the prefix where there is one.
    pub(super) fn path(&self) -> Vec<u8> {
        let (name, prefix) = (self.text(0, 100), self.text(345, 155));
        let is_ustar = self.field(257, 6) == b"ustar\0";
        if !is_ustar || prefix.is_empty() {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    pub(super) fn target(&self) -> &'b [u8] {
        self.text(157, 100)
    }

    pub(super) fn mode(&self) -> Result<u64, Error> {
        self.number(100, 8)
    }

    pub(super) fn size(&self) -> Result<u64, Error> {
        self.number(124, 12)
    }

    pub(super) fn kind(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    /// Whether blocks with the map of a sparse file follow (GNU tar).
    pub(super) fn has_map(&self) -> bool {
        self.field(482, 1) == [1]
    }

    fn field(&self, at: usize, length: usize) -> &'b [u8] {
        self.0.get(at..at + length).unwrap_or_default()
    }

    /// A field up to its NUL.
    fn text(&self, at: usize, length: usize) -> &'b [u8] {
        let field = self.field(at, length);
        field.split(|b| *b == 0).next().unwrap_or_default()
    }

    /// A number of octal digits, or of bytes if its first bit is set (GNU tar).
    fn number(&self, at: usize, length: usize) -> Result<u64, Error> {
        let field = self.field(at, length);
        let wrong = || malformed("a number of a header is none");
        if let Some((0x80, bytes)) = field.split_first() {
            let number = bytes.iter().try_fold(0_u64, |number, byte| {
                number.checked_mul(256)?.checked_add(u64::from(*byte))
            });
            return number.ok_or_else(wrong);
        }
        let digits = self.text(at, length).trim_ascii();
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let digit = matches!(digit, b'0'..=b'7').then(|| u64::from(digit - b'0'))?;
            number.checked_mul(8)?.checked_add(digit)
        });
        number.ok_or_else(wrong)
    }
}
