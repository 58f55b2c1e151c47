use std::fmt;

use crate::{Hash, bytes::Bytes};

/// The length of a leaf in bytes.
pub const LEAF: usize = 152;
/// The schema of bodies that this crate reads.
pub const SCHEMA: u16 = 1;

const MAGIC: &[u8; 4] = b"M2A1";

/// What a record is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u16);

/// What is unusual about the time in a [`Leaf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u32);

/// What the tree says of a record: 152 bytes, the same for every record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// What is unusual about the time.
    pub flags: Flags,
    /// The number of the record, from 0.
    pub seq: u64,
    /// When it was appended: nanoseconds since 1970, never less than in the record before.
    pub wall_ns: u64,
    /// Nanoseconds by a clock that nobody sets, since `boot_id` was drawn.
    pub mono_ns: u64,
    /// Drawn at random with each opening of the ledger.
    pub boot_id: [u8; 16],
    /// A keyed tag of the tenant; zeros where there is none.
    pub tenant_tag: Hash,
    /// The digest of the body: [`record_digest`](crate::record_digest).
    pub record_digest: Hash,
    /// The chain before this leaf.
    pub prev_chain: Hash,
    /// What the record is of.
    pub kind: Kind,
    /// The schema of the body.
    pub schema: u16,
}

/// Why bytes are no leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeafError {
    /// There are not 152 of them.
    #[error("a leaf has 152 bytes")]
    Length,
    /// They do not begin with `M2A1`.
    #[error("a leaf begins with M2A1")]
    Magic,
    /// A flag is set that has no meaning.
    #[error("a leaf has unknown flags")]
    Flags,
    /// The last four bytes are not zero.
    #[error("a leaf ends with zeros")]
    Padding,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl Kind {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The word for it; `None` for a kind that is not known here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A call is about to be made.
    INTENT = 1, "intent";
    /// What became of a call that was announced.
    OUTCOME = 2, "outcome";
    /// A call and its outcome in one.
    CALL = 3, "call";
    /// A message that never became a call.
    REJECT = 4, "reject";
    /// A session began or ended.
    SESSION = 5, "session";
    /// The server started.
    SERVER_START = 6, "server start";
    /// The server stopped.
    SERVER_STOP = 7, "server stop";
    /// A module came, went or changed.
    MODULE = 8, "module";
    /// Somebody administered the gateway.
    ADMIN = 9, "admin";
    /// The ledger was recovered after a crash.
    RECOVERED = 10, "recovered";
    /// The next key signs from here on.
    KEY_ROTATION = 11, "key rotation";
    /// Personal values were erased.
    ERASE = 12, "erase";
    /// Old segments may be removed.
    RETENTION = 13, "retention";
    /// Nothing happened, and the ledger was alive.
    HEARTBEAT = 14, "heartbeat";
    /// Something must not be removed.
    HOLD = 15, "hold";
    /// Somebody approved a call, or did not.
    APPROVAL = 16, "approval";
    /// The configuration was read anew.
    RELOAD = 17, "reload";
}

impl Kind {
    /// The kind with this number, known or not.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "kind {}", self.0),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({self})")
    }
}

impl Flags {
    /// Nothing is unusual.
    pub const NONE: Self = Self(0);
    /// The time was held back so as not to run backwards.
    pub const HELD: Self = Self(1);
    /// The clock was set since the record before.
    pub const SET: Self = Self(1 << 1);

    /// The flags with these bits; `None` where one of them has no meaning.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits & !(Self::HELD.0 | Self::SET.0) == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The bits, as they stand in a leaf.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// These flags and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of those are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Leaf {
    /// The bytes of the leaf.
    #[must_use]
    pub fn encode(&self) -> [u8; LEAF] {
        let mut bytes = [0; LEAF];
        let mut rest = bytes.as_mut_slice();
        let fields: [&[u8]; 11] = [
            MAGIC,
            &self.flags.bits().to_le_bytes(),
            &self.seq.to_le_bytes(),
            &self.wall_ns.to_le_bytes(),
            &self.mono_ns.to_le_bytes(),
            &self.boot_id,
            &self.tenant_tag,
            &self.record_digest,
            &self.prev_chain,
            &self.kind.number().to_le_bytes(),
            &self.schema.to_le_bytes(),
        ];
        for field in fields {
            // INVARIANT: the fields are 148 bytes together, so the split always fits.
            if let Some(at) = rest.split_off_mut(..field.len()) {
                at.copy_from_slice(field);
            }
        }
        bytes
    }

    /// Reads a leaf from its 152 bytes.
    ///
    /// # Errors
    ///
    /// Where [`encode`](Self::encode) would never have written these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let bytes: &[u8; LEAF] = bytes.try_into().map_err(|_| LeafError::Length)?;
        if !bytes.starts_with(MAGIC) {
            return Err(LeafError::Magic);
        }
        if !bytes.ends_with(&[0; 4]) {
            return Err(LeafError::Padding);
        }
        Self::fields(Bytes(bytes)).ok_or(LeafError::Flags)
    }

    fn fields(mut bytes: Bytes<'_>) -> Option<Self> {
        bytes.take(MAGIC.len())?;
        Some(Self {
            flags: Flags::from_bits(bytes.u32()?)?,
            seq: bytes.u64()?,
            wall_ns: bytes.u64()?,
            mono_ns: bytes.u64()?,
            boot_id: *bytes.array()?,
            tenant_tag: *bytes.array()?,
            record_digest: *bytes.array()?,
            prev_chain: *bytes.array()?,
            kind: Kind::new(bytes.u16()?),
            schema: bytes.u16()?,
        })
    }
}
