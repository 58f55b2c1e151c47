use mcpo2_core::{Digest, Error, ErrorKind, Family, ModuleId};

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A profile's id or version is no name.
    #[error("the {part} of profile `{id}` is not 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`")]
    Name {
        /// The id, as written.
        id: Box<str>,
        /// `id` or `version`.
        part: &'static str,
    },
    /// Two profiles have the same id.
    #[error("profile `{0}` is there twice")]
    Duplicate(Box<str>),
    /// The text of a profile must not go to a model.
    #[error("the text of profile `{id}` {fault}")]
    Text {
        /// The profile.
        id: Box<str>,
        /// What is wrong with the text.
        fault: TextFault,
    },
    /// The text of a profile is not the one that was pinned.
    #[error("the text of profile `{id}` has the digest {actual}, and {pinned} is pinned")]
    Digest {
        /// The profile.
        id: Box<str>,
        /// The digest in the configuration.
        pinned: Digest,
        /// The digest of the text.
        actual: Digest,
    },
    /// A profile is named that is not there.
    #[error("there is no profile `{0}`")]
    UnknownProfile(Box<str>),
    /// Two selections of different profiles match the same calls.
    #[error("selections {first} and {second} match the same calls and choose different profiles")]
    Ambiguous {
        /// The index of the first selection, from zero.
        first: usize,
        /// The index of the second.
        second: usize,
    },
    /// A slot has no argument.
    #[error("the slot of module `{0}` names no argument")]
    Slot(ModuleId),
    /// A module has both a slot and an announcement.
    #[error("module `{0}` is in both `slots` and `announce`")]
    TwoPoints(ModuleId),
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextFault {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is longer than the limit.
    #[error("is longer than {} bytes", crate::MAX_TEXT_BYTES)]
    TooLong,
    /// It has a character that a reader cannot see or that changes what a reader sees.
    #[error("has the character U+{:04X} at byte {at}", u32::from(*.character))]
    Character {
        /// The character.
        character: char,
        /// Where it stands, in bytes.
        at: usize,
    },
}

/// Why no preamble could be chosen for a call that needs one.
///
/// It is for the operator. The caller learns only that there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The family requires a profile, and none is selected.
    #[error("family `{0}` requires a preamble, and no profile is selected")]
    Unresolved(Family),
    /// More than one profile is selected.
    #[error("profiles `{first}` and `{second}` are both selected")]
    Ambiguous {
        /// One of them.
        first: Box<str>,
        /// Another.
        second: Box<str>,
    },
    /// The policy obliges to a profile that is not there.
    #[error("the policy obliges to profile `{0}`, which is not there")]
    UnknownProfile(Box<str>),
    /// A preamble was applied before, and it is another.
    #[error("another preamble was applied before")]
    Twice,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(
            ErrorKind::Internal,
            "no preamble could be chosen for this call",
        )
        .with_source(refusal)
    }
}
