/// What somebody wants to know of a proof, in parts that come byte by byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    parts: Vec<(Part, Vec<u8>)>,
    bytes: usize,
    overfull: bool,
}

/// What a part of a [`Question`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The `.tlog-proof`.
    Proof,
    /// The body of the record.
    Body,
    /// Who is believed: the verifier key of a log, or a policy with witnesses.
    Trust,
    /// A rotation note; those of a log in their order.
    Rotation,
    /// The path of a field that is disclosed; its salt and its value follow.
    Path,
    /// The salt of that field, in hexadecimal digits.
    Salt,
    /// The value of that field, as JSON text.
    Value,
}

impl Question {
    /// The most bytes of all parts together. A proof has half a MiB at most, a body less.
    pub const MAX_BYTES: usize = 8 << 20;

    /// The most parts.
    pub const MAX_PARTS: usize = 1 << 14;

    /// Begins a part, to which all bytes that follow belong.
    pub fn begin(&mut self, part: Part) {
        if self.parts.len() < Self::MAX_PARTS {
            self.parts.push((part, Vec::new()));
        } else {
            self.overfull = true;
        }
    }

    /// Takes the next byte of the part that was begun last.
    pub fn push(&mut self, byte: u8) {
        match self.parts.last_mut() {
            Some((_, bytes)) if self.bytes < Self::MAX_BYTES => {
                bytes.push(byte);
                self.bytes = self.bytes.saturating_add(1);
            }
            _ => self.overfull = true,
        }
    }

    /// The question with one more part.
    #[must_use]
    pub fn with(mut self, part: Part, bytes: &[u8]) -> Self {
        self.begin(part);
        bytes.iter().for_each(|byte| self.push(*byte));
        self
    }

    /// Whether something was not taken, for there was too much.
    pub(crate) fn is_overfull(&self) -> bool {
        self.overfull
    }

    /// The parts of a kind, in their order.
    pub(crate) fn all(&self, part: Part) -> impl Iterator<Item = &[u8]> {
        let parts = self.parts.iter().filter(move |(kind, _)| *kind == part);
        parts.map(|(_, bytes)| bytes.as_slice())
    }

    /// The part of a kind, if there is exactly one.
    pub(crate) fn one(&self, part: Part) -> Option<&[u8]> {
        let mut parts = self.all(part);
        parts.next().filter(|_| parts.next().is_none())
    }
}

impl Part {
    /// The part with the number by which JavaScript names it.
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Proof,
            1 => Self::Body,
            2 => Self::Trust,
            3 => Self::Rotation,
            4 => Self::Path,
            5 => Self::Salt,
            6 => Self::Value,
            _ => return None,
        })
    }
}
