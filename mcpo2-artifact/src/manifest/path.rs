use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::is_nfc;

/// A path below the root of a tree, written the same way on every system: `src/lib.rs`.
///
/// Its parts are told apart by `/`. It is UTF-8 in normalization form C, which is checked and never
/// made: a path that is written otherwise is another path, and is refused. So is one that some
/// system would read as a way out of the tree, or as no file at all; [`InvalidPath`] lists which.
/// It says nothing of case: two paths that differ in case alone are two paths, which
/// [`Manifest::collisions`](super::Manifest::collisions) finds.
///
/// The order is that of the bytes.
///
/// ```
/// use mcpo2_artifact::manifest::{InvalidPath, RelPath};
/// let path: RelPath = "src/lib.rs".parse()?;
/// assert_eq!(path.as_str(), "src/lib.rs");
/// assert_eq!("../etc/passwd".parse::<RelPath>(), Err(InvalidPath::Part));
/// # Ok::<(), InvalidPath>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(Box<str>);

/// Why a text is no path below the root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPath {
    /// It is longer than [`RelPath::MAX_BYTES`].
    #[error("the path is longer than 4096 bytes")]
    TooLong,
    /// It is not UTF-8.
    #[error("the path is not UTF-8")]
    Utf8,
    /// It is not in normalization form C.
    #[error("the path is not in normalization form C")]
    Normalization,
    /// It is empty, or begins or ends with `/`, or a part of it has nothing but dots and spaces.
    ///
    /// `.` and `..` are such parts, and so is what Windows cuts to them: `.. ` or `...`.
    #[error("a part of the path is empty, or has nothing but dots and spaces")]
    Part,
    /// It has a NUL.
    #[error("the path has a NUL")]
    Nul,
    /// It has a `\`, which separates parts on Windows.
    #[error("the path has a backslash")]
    Backslash,
    /// It begins with the letter of a drive: `c:`.
    #[error("the path begins with a drive")]
    Drive,
    /// A part of it is a device on Windows, whatever its extension: `aux` or `nul.txt`.
    #[error("a part of the path is the name of a device")]
    Device,
}

impl RelPath {
    /// The most bytes of a path.
    pub const MAX_BYTES: usize = 4096;

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts, from the outermost directory to the name.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

fn check(text: &str) -> Result<(), InvalidPath> {
    if text.len() > RelPath::MAX_BYTES {
        return Err(InvalidPath::TooLong);
    }
    if text.contains('\0') {
        return Err(InvalidPath::Nul);
    }
    if text.contains('\\') {
        return Err(InvalidPath::Backslash);
    }
    if matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Err(InvalidPath::Drive);
    }
    for part in text.split('/') {
        if part.trim_end_matches(['.', ' ']).is_empty() {
            return Err(InvalidPath::Part);
        }
        if is_device(part) {
            return Err(InvalidPath::Device);
        }
    }
    if !text.is_ascii() && !is_nfc(text) {
        return Err(InvalidPath::Normalization);
    }
    Ok(())
}

/// Whether Windows opens a device for this name ("Naming Files, Paths, and Namespaces").
fn is_device(part: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    const PORTS: [&str; 2] = ["com", "lpt"];
    let stem = part.split(['.', ':']).next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ');
    if DEVICES
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device))
    {
        return true;
    }
    let Some((port, number)) = stem.split_at_checked(3) else {
        return false;
    };
    let mut number = number.chars();
    let digit = matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³'));
    let is_port = PORTS.iter().any(|known| port.eq_ignore_ascii_case(known));
    is_port && digit && number.next().is_none()
}

impl FromStr for RelPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        check(text)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for RelPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        check(&text)?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<&[u8]> for RelPath {
    type Error = InvalidPath;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidPath> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(InvalidPath::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidPath::Utf8)?;
        text.parse()
    }
}

impl AsRef<str> for RelPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.try_into().map_err(serde::de::Error::custom)
    }
}
