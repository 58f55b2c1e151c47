/// What was done to a ledger, as far as the ledger tells.
///
/// What can be told apart depends on what was left: who edits a record and the leaf, the chain and
/// the tree as well is found by the signature, as who forges one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Attack {
    /// A record, or what stands for it, is not what was signed.
    Edited,
    /// Records are missing.
    Removed,
    /// There is something that was not there.
    Inserted,
    /// Records are there, and not where they were.
    Reordered,
    /// The end is missing: more was published.
    Truncated,
    /// The end is missing: more was seen before.
    RolledBack,
    /// The same log has said something else.
    Forked,
    /// A signature is missing, or by a key that may not sign there.
    Forged,
    /// Time runs backwards, or is not that of the witnesses.
    Clock,
    /// Something belongs to another log, or to another history of this one.
    Foreign,
    /// Personal values are missing that must be there.
    Erased,
    /// The keys do not follow from the first, or the first is another.
    KeyListSwapped,
    /// Not enough witnesses have seen it.
    Unwitnessed,
    /// A frame was damaged, or never written whole.
    Torn,
    /// A file cannot be read, or is of another version.
    Unreadable,
}

impl Attack {
    /// All of them, by their exit codes.
    pub const ALL: &[Self] = &[
        Self::Edited,
        Self::Removed,
        Self::Inserted,
        Self::Reordered,
        Self::Truncated,
        Self::RolledBack,
        Self::Forked,
        Self::Forged,
        Self::Clock,
        Self::Foreign,
        Self::Erased,
        Self::KeyListSwapped,
        Self::Unwitnessed,
        Self::Torn,
        Self::Unreadable,
    ];

    /// The code with which `mcpo2-verify` exits, the same in all versions: 10 to 22 for what
    /// somebody did, 30 and 31 for what may have happened by itself.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Edited => 10,
            Self::Removed => 11,
            Self::Inserted => 12,
            Self::Reordered => 13,
            Self::Truncated => 14,
            Self::RolledBack => 15,
            Self::Forked => 16,
            Self::Forged => 17,
            Self::Clock => 18,
            Self::Foreign => 19,
            Self::Erased => 20,
            Self::KeyListSwapped => 21,
            Self::Unwitnessed => 22,
            Self::Torn => 30,
            Self::Unreadable => 31,
        }
    }

    /// The one with this exit code.
    #[must_use]
    pub fn from_exit_code(code: u8) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|it| it.exit_code() == code)
    }

    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::Reordered => "reordered",
            Self::Truncated => "truncated",
            Self::RolledBack => "rolled-back",
            Self::Forked => "forked",
            Self::Forged => "forged",
            Self::Clock => "clock",
            Self::Foreign => "foreign",
            Self::Erased => "erased",
            Self::KeyListSwapped => "key-list-swapped",
            Self::Unwitnessed => "unwitnessed",
            Self::Torn => "torn",
            Self::Unreadable => "unreadable",
        }
    }

    /// What it means, and what to do about it.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Edited => EDITED,
            Self::Removed => REMOVED,
            Self::Inserted => INSERTED,
            Self::Reordered => REORDERED,
            Self::Truncated => TRUNCATED,
            Self::RolledBack => ROLLED_BACK,
            Self::Forked => FORKED,
            Self::Forged => FORGED,
            Self::Clock => CLOCK,
            Self::Foreign => FOREIGN,
            Self::Erased => ERASED,
            Self::KeyListSwapped => KEY_LIST_SWAPPED,
            Self::Unwitnessed => UNWITNESSED,
            Self::Torn => TORN,
            Self::Unreadable => UNREADABLE,
        }
    }
}

const EDITED: &str = "A record, its leaf, a header or a tile is not what the signed checkpoints \
    say. The records before it are as they were written. Compare with a copy or a backup.";
const REMOVED: &str = "Numbers are missing between records, a segment is missing, or segments are \
    missing at the front without a retention record that allows it.";
const INSERTED: &str = "There is a frame, a record or a segment that the signed checkpoints do \
    not know, or one that stands there twice.";
const REORDERED: &str = "Records, values or segments are there, but stand in another place.";
const TRUNCATED: &str = "The published checkpoint, or a note that changes keys, was signed for \
    more records than the segments have. The end was cut off.";
const ROLLED_BACK: &str = "You remember a checkpoint of more records than the ledger has now. An \
    older state was put in its place, by a backup or on purpose.";
const FORKED: &str = "A checkpoint with a valid signature says another root for the same size. \
    The log has told two histories; keep both checkpoints: together they prove it.";
const FORGED: &str = "A checkpoint is not signed by the key of its epoch, or the one that must be \
    signed by the key before is missing. Someone without that key has written here.";
const CLOCK: &str = "The time of a record is before that of the record before it, or far from \
    that at which the witnesses signed.";
const FOREIGN: &str = "A segment or a checkpoint belongs to another log, or does not continue \
    what stands before it.";
const ERASED: &str = "A record has commitments to personal values, and the values are not there, \
    not even encrypted. Erasing takes away keys, not frames.";
const KEY_LIST_SWAPPED: &str = "The first key is not the one you trust, a rotation note is \
    missing or does not follow from the one before, or the log does not name the key that it names.";
const UNWITNESSED: &str = "The published checkpoint is not signed by as many witnesses as your \
    policy asks for. Nobody else vouches that this is the only history.";
const TORN: &str = "A frame before the end is cut off or does not have its CRC. Without a CRC, \
    damage by disks and damage by hand look alike; a commit behind it, or a published \
    checkpoint, shows that it was whole.";
const UNREADABLE: &str = "A file is missing or cannot be read, or it is written in a form that \
    this version does not know.";
