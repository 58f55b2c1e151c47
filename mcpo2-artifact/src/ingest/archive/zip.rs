use std::{
    cell::RefCell,
    io::{self, Read, Seek, SeekFrom},
};

use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder, ZipFileHeaderRecord, ZipLocator,
};

use super::{
    super::{Error, ErrorKind, flat::Kind, intake, limits::Meter},
    plan::{Place, Plan},
    taking::Taking,
    unpack::Budget,
};
use crate::manifest::{Content, Mode, Reason};

/// The members of a ZIP archive, as its directory lists them.
pub(super) struct Members<R> {
    archive: ZipArchive<At<R>>,
    listed: Vec<Listed>,
    budget: Budget,
}

/// Reads at offsets.
struct At<R>(RefCell<R>);

impl<R: Read + Seek> ReaderAt for At<R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut from = self.0.borrow_mut();
        from.seek(SeekFrom::Start(offset))?;
        from.read(buffer)
    }
}

struct Listed {
    name: Box<[u8]>,
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    mode: u32,
    size: u64,
    is_encrypted: bool,
    header_at: u64,
    crc: u32,
}

/// How far before the end the record of the end may be, with the longest comment.
const MAX_END: u64 = 22 + 65_535;

const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const DIRECTORY: u32 = 0o040_000;

impl<R: Read + Seek> Members<R> {
    pub(super) fn open(mut from: R, budget: u64) -> Result<Self, Error> {
        let end = from.seek(SeekFrom::End(0))?;
        let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
        let locator = ZipLocator::new().max_search_space(MAX_END);
        let archive = locator.locate_in_reader(At(RefCell::new(from)), &mut buffer, end);
        Ok(Self {
            archive: archive.map_err(|(_, error)| malformed(error))?,
            listed: Vec::new(),
            budget: Budget::new(budget),
        })
    }

    pub(super) fn list(&mut self, plan: &mut Plan<'_, '_>) -> Result<(), Error> {
        self.listed = self.directory(plan.meter())?;
        self.compare(plan.meter())?;
        for (number, listed) in self.listed.iter().enumerate() {
            let Some(path) = plan.path(&listed.name) else {
                continue;
            };
            let file = match listed.mode & TYPE {
                _ if listed.name.ends_with(b"/") => continue,
                DIRECTORY => continue,
                0 | REGULAR | LINK if !listed.is_readable() => {
                    plan.withhold(&path, Reason::Unreadable);
                    continue;
                }
                LINK => {
                    match intake::target(self.target(listed)?) {
                        Ok(content) => plan.push(path, Kind::Symlink, Place::Here(content)),
                        Err(reason) => plan.withhold(&path, reason),
                    }
                    continue;
                }
                0 | REGULAR if listed.mode & 0o100 != 0 => Kind::File(Mode::Executable),
                0 | REGULAR => Kind::File(Mode::Plain),
                _ => Kind::Special,
            };
            if file != Kind::Special && plan.is_ignore_file(&path) {
                plan.ignore_file(number, listed.size, || self.whole(listed, listed.size))?;
            }
            plan.push(path, file, Place::Member(number));
        }
        Ok(())
    }

    pub(super) fn give(&mut self, taking: &mut Taking<'_, '_>) -> Result<(), Error> {
        while let Some(number) = taking.next() {
            let Some(listed) = self.listed.get(number) else {
                break;
            };
            taking.meter().time()?;
            taking.take(number, listed.size, &mut *self.bytes(listed)?)?;
        }
        taking.end()
    }

    fn directory(&self, meter: &Meter<'_>) -> Result<Vec<Listed>, Error> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let mut records = self.archive.entries(&mut buffer);
        let mut listed = Vec::new();
        while let Some(record) = records.next_entry().map_err(malformed)? {
            meter.entries(1)?;
            listed.push(Listed::new(&record));
        }
        if u64::try_from(listed.len()).ok() != Some(self.archive.entries_hint()) {
            return Err(ambiguous(
                "the archive has another number of members than it says",
            ));
        }
        Ok(listed)
    }

    /// That the header before each member says what the directory says, and that no two members
    /// share bytes.
    fn compare(&self, meter: &Meter<'_>) -> Result<(), Error> {
        let mut buffer = vec![0; 2 * usize::from(u16::MAX)];
        let mut ranges = Vec::with_capacity(self.listed.len());
        for listed in &self.listed {
            meter.time()?;
            let member = self.archive.get_entry(listed.place).map_err(malformed)?;
            let local = member.local_header(&mut buffer).map_err(malformed)?;
            let sizes_follow = local.flags().has_data_descriptor();
            let is_same = local.file_path().as_ref() == &*listed.name
                && local.compression_method() == listed.method
                && local.flags().is_encrypted() == listed.is_encrypted
                && (sizes_follow
                    || local.crc32() == listed.crc
                        && local.uncompressed_size_hint() == listed.size
                        && local.compressed_size_hint() == listed.place.compressed_size_hint());
            if !is_same {
                return Err(ambiguous("a member is another than the directory says"));
            }
            ranges.push((listed.header_at, member.compressed_data_range().1));
        }
        ranges.sort_unstable();
        let mut pairs = ranges.iter().zip(ranges.iter().skip(1));
        if pairs.any(|(one, two)| one.1 > two.0) {
            return Err(ambiguous("two members share bytes"));
        }
        Ok(())
    }

    /// The bytes of a member, whose length and sum are checked at the end.
    fn bytes(&self, listed: &Listed) -> Result<Box<dyn Read + '_>, Error> {
        let member = self.archive.get_entry(listed.place).map_err(malformed)?;
        let packed = member.reader();
        let checked: Box<dyn Read + '_> = if listed.method == CompressionMethod::STORE {
            Box::new(member.verifying_reader(packed))
        } else {
            Box::new(member.verifying_reader(DeflateDecoder::new(packed)))
        };
        Ok(Box::new(self.budget.of(checked)))
    }

    fn whole(&self, listed: &Listed, longest: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.bytes(listed)?
            .take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn target(&self, listed: &Listed) -> Result<Vec<u8>, Error> {
        self.whole(
            listed,
            u64::try_from(Content::MAX_TARGET).unwrap_or(u64::MAX),
        )
    }
}

impl Listed {
    fn new(record: &ZipFileHeaderRecord<'_>) -> Self {
        Self {
            name: record.file_path().as_ref().into(),
            place: record.wayfinder(),
            method: record.compression_method(),
            mode: record.mode().value(),
            size: record.uncompressed_size_hint(),
            is_encrypted: record.flags().is_encrypted(),
            header_at: record.local_header_offset(),
            crc: record.crc32(),
        }
    }

    fn is_readable(&self) -> bool {
        let known = [CompressionMethod::STORE, CompressionMethod::DEFLATE];
        !self.is_encrypted && known.contains(&self.method)
    }
}

fn malformed(error: rawzip::Error) -> Error {
    let message = "the archive is no ZIP archive, or a broken one";
    Error::new(ErrorKind::Malformed, message).with_source(error)
}

fn ambiguous(message: &'static str) -> Error {
    Error::new(ErrorKind::Ambiguous, message)
}
