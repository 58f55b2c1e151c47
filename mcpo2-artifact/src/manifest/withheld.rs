use serde::Serialize;

use super::{
    Malformed, ManifestError, RelPath,
    wire::{Reader, put_bytes},
};

/// A path that a source has and a manifest has not, and why; never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Withheld {
    path: Box<str>,
    #[serde(flatten)]
    reason: Reason,
}

/// Why something is withheld.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A file in the tree says to ignore it: `.gitignore`, `.mcpo2ignore`.
    Ignored,
    /// A glob excludes it, or none includes it.
    Excluded,
    /// Its name is one that secrets have.
    SecretName {
        /// The rule that says so: 1 to [`Reason::MAX_RULE`] of `a-z`, `0-9`, `-`, `_` and `.`.
        rule: Box<str>,
    },
    /// It holds something that looks like a secret.
    SecretContent {
        /// The rule that says so: 1 to [`Reason::MAX_RULE`] of `a-z`, `0-9`, `-`, `_` and `.`.
        rule: Box<str>,
    },
    /// It is longer than one file may be.
    TooLarge,
    /// It is neither a file nor a link: a device, a socket, a pipe.
    Special,
    /// It cannot be read.
    Unreadable,
    /// It was another at the end of reading than at the beginning.
    Changed,
    /// It leads out of the tree.
    EscapesRoot,
    /// It is on another file system than the root.
    OtherDevice,
    /// Its path is no [`RelPath`].
    InvalidPath,
    /// It is deeper in the tree than anything may be.
    TooDeep,
    /// The source has it twice, and this is not the one that counts.
    Duplicate,
}

impl Withheld {
    /// A path of any bytes, and why it is withheld.
    ///
    /// What is not UTF-8 becomes `U+FFFD`; what is over [`RelPath::MAX_BYTES`] is cut off.
    #[must_use]
    pub fn new(path: impl AsRef<[u8]>, reason: Reason) -> Self {
        let path = path.as_ref();
        let path = path.get(..RelPath::MAX_BYTES).unwrap_or(path);
        let mut path = String::from_utf8_lossy(path).into_owned();
        while path.len() > RelPath::MAX_BYTES {
            path.pop();
        }
        let path = path.into();
        Self { path, reason }
    }

    /// Where it stands in the source, as far as that is text.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Why it is withheld.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let holds = self.reason.rule().is_none_or(is_name);
        holds.then_some(()).ok_or(ManifestError::Name)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        put_bytes(to, self.path.as_bytes());
        to.push(self.reason.tag());
        if let Some(rule) = self.reason.rule() {
            put_bytes(to, rule.as_bytes());
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, ManifestError> {
        let path = from.text(RelPath::MAX_BYTES)?.into();
        let reason = Reason::read(from)?;
        let withheld = Self { path, reason };
        withheld.check()?;
        Ok(withheld)
    }
}

/// Whether this can name a rule or an analyser.
pub(super) fn is_name(text: &str) -> bool {
    let fits = (1..=Reason::MAX_RULE).contains(&text.len());
    fits && (text.bytes()).all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
}

impl Reason {
    /// The most bytes of a rule's name.
    pub const MAX_RULE: usize = 64;

    /// The rule that says so, where it is one of several.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::SecretName { rule } | Self::SecretContent { rule } => Some(rule),
            _ => None,
        }
    }

    // INVARIANT: the order of the tags is that of the variants, so that the list is sorted alike
    // as values and as bytes.
    fn tag(&self) -> u8 {
        match self {
            Self::Ignored => 0,
            Self::Excluded => 1,
            Self::SecretName { .. } => 2,
            Self::SecretContent { .. } => 3,
            Self::TooLarge => 4,
            Self::Special => 5,
            Self::Unreadable => 6,
            Self::Changed => 7,
            Self::EscapesRoot => 8,
            Self::OtherDevice => 9,
            Self::InvalidPath => 10,
            Self::TooDeep => 11,
            Self::Duplicate => 12,
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let rule = |from: &mut Reader<'_>| from.text(Self::MAX_RULE).map(Into::into);
        Ok(match from.byte()? {
            0 => Self::Ignored,
            1 => Self::Excluded,
            2 => Self::SecretName { rule: rule(from)? },
            3 => Self::SecretContent { rule: rule(from)? },
            4 => Self::TooLarge,
            5 => Self::Special,
            6 => Self::Unreadable,
            7 => Self::Changed,
            8 => Self::EscapesRoot,
            9 => Self::OtherDevice,
            10 => Self::InvalidPath,
            11 => Self::TooDeep,
            12 => Self::Duplicate,
            _ => return Err(Malformed::Kind),
        })
    }
}
