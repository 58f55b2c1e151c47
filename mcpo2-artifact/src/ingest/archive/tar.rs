use std::{
    collections::HashMap,
    io::{self, Read, Seek, SeekFrom},
};

use super::{
    super::{Error, flat::Kind, intake, limits::Meter},
    Format,
    header::{BLOCK, Header, malformed},
    pax::Pax,
    plan::{Place, Plan},
    taking::Taking,
    unpack,
};
use crate::manifest::{Mode, Reason};

/// The longest name that GNU tar may write beside a header, and the longest pax header.
const MAX_EXTENSION: u64 = 64 * 1024;

/// The members of a tar archive.
pub(super) struct Members<R> {
    from: R,
    format: Format,
    budget: u64,
}

impl<R: Read + Seek> Members<R> {
    pub(super) fn new(from: R, format: Format, budget: u64) -> Self {
        Self {
            from,
            format,
            budget,
        }
    }

    fn walk(&mut self) -> io::Result<Walk<'_>> {
        self.from.seek(SeekFrom::Start(0))?;
        Ok(Walk {
            from: unpack::open(self.format, &mut self.from, self.budget),
            body: 0,
            padding: 0,
        })
    }

    pub(super) fn list(&mut self, plan: &mut Plan<'_, '_>) -> Result<(), Error> {
        let meter = plan.meter();
        let mut files = HashMap::new();
        let mut walk = self.walk()?;
        let mut number = 0;
        while let Some(member) = walk.next(meter)? {
            meter.entries(1)?;
            let Some(path) = plan.path(&member.path) else {
                number += 1;
                continue;
            };
            match member.kind {
                What::Directory => {}
                What::Special => plan.push(path, Kind::Special, Place::Member(number)),
                What::File(mode) => {
                    if plan.is_ignore_file(&path) {
                        plan.ignore_file(number, member.size, || walk.whole())?;
                    }
                    files.insert(path.clone(), (number, mode));
                    plan.push(path, Kind::File(mode), Place::Member(number));
                }
                What::Symlink => match intake::target(member.target) {
                    Ok(content) => plan.push(path, Kind::Symlink, Place::Here(content)),
                    Err(reason) => plan.withhold(&path, reason),
                },
                What::HardLink => {
                    let target = plan.path(&member.target);
                    match target.and_then(|target| files.get(&target).copied()) {
                        Some((number, mode)) => {
                            files.insert(path.clone(), (number, mode));
                            plan.push(path, Kind::File(mode), Place::Member(number));
                        }
                        None => plan.withhold(&path, Reason::EscapesRoot),
                    }
                }
            }
            number += 1;
        }
        walk.end(meter)
    }

    pub(super) fn give(&mut self, taking: &mut Taking<'_, '_>) -> Result<(), Error> {
        let meter = taking.meter();
        let mut walk = self.walk()?;
        let mut number = 0;
        while taking.next().is_some() {
            let Some(member) = walk.next(meter)? else {
                break;
            };
            taking.take(number, member.size, &mut walk)?;
            number += 1;
        }
        taking.end()
    }
}

struct Member {
    path: Vec<u8>,
    target: Vec<u8>,
    kind: What,
    size: u64,
}

enum What {
    File(Mode),
    Symlink,
    HardLink,
    Directory,
    Special,
}

/// Goes from header to header; in between it gives the bytes of the member.
struct Walk<'r> {
    from: Box<dyn Read + 'r>,
    body: u64,
    padding: u64,
}

/// What headers before that of a member say of it.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    pax: Pax,
}

impl Walk<'_> {
    /// The next member; none at the end, which is a block of zeros.
    fn next(&mut self, meter: &Meter<'_>) -> Result<Option<Member>, Error> {
        let mut extensions = Extensions::default();
        loop {
            meter.time()?;
            self.skip(meter)?;
            let mut block = [0; BLOCK];
            self.from.read_exact(&mut block)?;
            if block == [0; BLOCK] {
                return Ok(None);
            }
            let header = Header::new(&block)?;
            match header.kind() {
                b'L' => extensions.path = Some(self.name(&header)?),
                b'K' => extensions.target = Some(self.name(&header)?),
                b'x' => extensions.pax = Pax::parse(&self.extension(&header)?)?,
                b'g' => {
                    if Pax::parse(&self.extension(&header)?)? != Pax::default() {
                        return Err(malformed("a global header speaks of single members"));
                    }
                }
                _ => return self.member(&header, extensions).map(Some),
            }
        }
    }

    fn member(&mut self, header: &Header<'_>, extensions: Extensions) -> Result<Member, Error> {
        let Extensions { path, target, pax } = extensions;
        let size = match pax.size {
            Some(size) => size,
            None => header.size()?,
        };
        let path = pax.path.or(path).unwrap_or_else(|| header.path());
        let is_executable = header.mode()? & 0o100 != 0;
        let mode = if is_executable {
            Mode::Executable
        } else {
            Mode::Plain
        };
        let kind = match header.kind() {
            _ if pax.is_sparse => What::Special,
            // Before ustar, a directory was a file whose name ends so.
            0 | b'0' | b'7' if path.ends_with(b"/") => What::Directory,
            0 | b'0' | b'7' => What::File(mode),
            b'1' => What::HardLink,
            b'2' => What::Symlink,
            b'5' => What::Directory,
            _ => What::Special,
        };
        // Readers disagree whether bytes follow these.
        if size > 0 && matches!(kind, What::HardLink | What::Symlink | What::Directory) {
            return Err(malformed("a member that is no file has bytes"));
        }
        if header.kind() == b'S' && header.has_map() {
            self.skip_map()?;
        }
        self.enter(size)?;
        Ok(Member {
            path,
            target: pax
                .target
                .or(target)
                .unwrap_or_else(|| header.target().to_vec()),
            kind,
            size,
        })
    }

    fn enter(&mut self, size: u64) -> Result<(), Error> {
        let block = u64::try_from(BLOCK).unwrap_or(u64::MAX);
        let padded = size.checked_next_multiple_of(block);
        self.padding = padded.ok_or_else(|| malformed("a member is too long"))? - size;
        self.body = size;
        Ok(())
    }

    /// The bytes of a header that speaks of another.
    fn extension(&mut self, header: &Header<'_>) -> Result<Vec<u8>, Error> {
        let size = header.size()?;
        if size > MAX_EXTENSION {
            return Err(malformed("a name or a pax header is too long"));
        }
        self.enter(size)?;
        self.whole()
    }

    /// A name beside a header (GNU tar), which ends with NUL.
    fn name(&mut self, header: &Header<'_>) -> Result<Vec<u8>, Error> {
        let name = self.extension(header)?;
        Ok(name.split(|b| *b == 0).next().unwrap_or_default().to_vec())
    }

    /// That nothing but zeros is behind the end, and that the compression says that it is whole.
    fn end(&mut self, meter: &Meter<'_>) -> Result<(), Error> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = self.from.read(&mut buffer)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(malformed("bytes are behind the end of the archive"));
            }
            if read == 0 {
                return Ok(());
            }
            meter.time()?;
        }
    }

    fn whole(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads over what is left of a member.
    fn skip(&mut self, meter: &Meter<'_>) -> Result<(), Error> {
        let mut buffer = [0; 16 * 1024];
        while self.read(&mut buffer)? > 0 {
            meter.time()?;
        }
        let padding = usize::try_from(self.padding).unwrap_or(BLOCK);
        self.padding = 0;
        self.from
            .read_exact(buffer.get_mut(..padding).unwrap_or_default())?;
        Ok(())
    }

    /// Each block of the map of a sparse file says whether another follows.
    fn skip_map(&mut self) -> Result<(), Error> {
        let mut block = [0; BLOCK];
        loop {
            self.from.read_exact(&mut block)?;
            if block.get(504) != Some(&1) {
                return Ok(());
            }
        }
    }
}

impl Read for Walk<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.from).take(self.body).read(buffer)?;
        if read == 0 && self.body > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.body = self
            .body
            .saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
