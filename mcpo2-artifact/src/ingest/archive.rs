//! Archives. They are read twice: once for the names and the ignore files, once for the bytes that
//! the rules take; nothing is written anywhere, and an archive in an archive is a file.

mod detect;
mod header;
mod pax;
mod plan;
mod taking;
mod tar;
mod unpack;
mod zip;

use std::io::{self, Read, Seek, SeekFrom};

use self::{plan::Plan, taking::Taking};
use super::{
    Error,
    intake::{Context, Intake},
};

/// How an archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// POSIX ustar and pax, or GNU tar.
    Tar,
    /// The same, compressed by gzip.
    TarGz,
    /// The same, compressed by Zstandard with a window of at most 8 MiB.
    TarZst,
    /// ZIP, of members that are stored or deflated.
    Zip,
}

impl Format {
    /// The format that a name says: `tree.tar.zst`.
    ///
    /// ```
    /// use mcpo2_artifact::ingest::Format;
    /// assert_eq!(Format::of_name("tree.TGZ"), Some(Format::TarGz));
    /// assert_eq!(Format::of_name("tree.rar"), None);
    /// ```
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        const ENDS: [(&str, Format); 7] = [
            (".tar", Format::Tar),
            (".tar.gz", Format::TarGz),
            (".tgz", Format::TarGz),
            (".tar.zst", Format::TarZst),
            (".tar.zstd", Format::TarZst),
            (".tzst", Format::TarZst),
            (".zip", Format::Zip),
        ];
        let name = name.to_ascii_lowercase();
        let known = ENDS.iter().find(|(end, _)| name.ends_with(end));
        known.map(|(_, format)| *format)
    }

    /// The format that the first bytes say, whatever the name; none where they are of no archive.
    /// It is read from there again.
    ///
    /// What is compressed is an archive if a tar archive is in it, or if that cannot be told: then
    /// whoever reads it says what is wrong.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use mcpo2_artifact::ingest::Format;
    /// assert_eq!(Format::detect(Cursor::new(b"PK\x03\x04..."))?, Some(Format::Zip));
    /// assert_eq!(Format::detect(Cursor::new(b"fn main() {}\n"))?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the source says.
    pub fn detect(mut from: impl Read + Seek) -> io::Result<Option<Self>> {
        detect::detect(&mut from)
    }
}

/// An archive and how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Archive {
    format: Format,
    strip: usize,
}

impl Archive {
    /// An archive whose paths are those of the tree.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, strip: 0 }
    }

    /// Leaves out as many parts at the beginning of each path, and what has no more: forges put
    /// what they give as archives into a directory.
    #[must_use]
    pub fn with_strip(self, parts: usize) -> Self {
        Self {
            strip: parts,
            ..self
        }
    }
}

impl From<Format> for Archive {
    fn from(format: Format) -> Self {
        Self::new(format)
    }
}

/// Takes the tree in an archive.
pub(super) fn take<'a>(
    context: &'a Context<'a>,
    archive: Archive,
    mut from: impl Read + Seek,
) -> Result<Vec<Intake<'a>>, Error> {
    let length = from.seek(SeekFrom::End(0))?;
    let budget = context.meter.unpacked(length);
    let mut intake = Intake::new(context);
    let mut plan = Plan::new(&mut intake, archive.strip);
    if archive.format == Format::Zip {
        let mut members = zip::Members::open(from, budget)?;
        members.list(&mut plan)?;
        let wanted = plan.wanted()?;
        members.give(&mut Taking::new(&mut intake, wanted))?;
    } else {
        let mut members = tar::Members::new(from, archive.format, budget);
        members.list(&mut plan)?;
        let wanted = plan.wanted()?;
        members.give(&mut Taking::new(&mut intake, wanted))?;
    }
    Ok(vec![intake])
}
