//! Appends lines to the last segment: used by one thread.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Error, Event, Head, Record, Recovered, SegmentHeader, files, id::Stamps, line::write_line,
    recover::End, scan::Tip,
};

/// How much is gathered before it is written.
const BUFFER: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    header: SegmentHeader,
    stamps: Arc<Stamps>,
    segment_bytes: u64,
    file: File,
    /// The length of the segment, that of `buffer` included.
    size: u64,
    tip: Tip,
    buffer: Vec<u8>,
    _lock: File,
}

impl Writer {
    /// Begins a ledger; what is left of one that never got its first header is cut.
    pub(crate) fn create(
        (dir, lock): (&Path, File),
        header: SegmentHeader,
        stamps: Arc<Stamps>,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        let path = dir.join(files::segment_name(0));
        let mut options = files::private();
        let file = options.create(true).truncate(false).open(&path);
        let mut writer = Self {
            dir: dir.into(),
            header,
            stamps,
            segment_bytes,
            file: file.map_err(Error::io("create", &path))?,
            size: 0,
            tip: Tip::GENESIS,
            buffer: Vec::new(),
            _lock: lock,
        };
        let torn = writer.file.metadata().map(|metadata| metadata.len());
        torn.and_then(|torn| writer.cut(torn))
            .map_err(Error::io("write", &path))?;
        Ok(writer)
    }

    /// Continues a ledger, and cuts what is torn at its end.
    pub(crate) fn resume(
        (dir, lock): (&Path, File),
        end: End,
        stamps: Arc<Stamps>,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        let path = dir.join(files::segment_name(end.segment));
        let file = files::private()
            .open(&path)
            .map_err(Error::io("open", &path))?;
        let header = SegmentHeader {
            segment: end.segment,
            ..end.header
        };
        let mut writer = Self {
            dir: dir.into(),
            header,
            stamps,
            segment_bytes,
            file,
            size: end.size,
            tip: end.tip,
            buffer: Vec::new(),
            _lock: lock,
        };
        writer.cut(end.torn).map_err(Error::io("continue", &path))?;
        Ok(writer)
    }

    /// Writes these records, in this order.
    pub(crate) fn append(&mut self, records: &[Vec<u8>]) -> io::Result<()> {
        for record in records {
            if self.size >= self.segment_bytes {
                self.rotate()?;
            }
            self.push(record);
            if self.buffer.len() >= BUFFER {
                self.write()?;
            }
        }
        self.write()
    }

    /// Makes all that was written safe from a power failure.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The last record.
    pub(crate) fn head(&self) -> Head {
        Head {
            seq: self.tip.next.saturating_sub(1),
            hash: self.tip.hash,
        }
    }

    /// Cuts the segment behind its last good line, and says so in the ledger.
    fn cut(&mut self, torn: u64) -> io::Result<()> {
        let segment = self.header.segment;
        self.file.set_len(self.size)?;
        self.file.seek(SeekFrom::Start(self.size))?;
        if self.size == 0 {
            self.begin()?;
        }
        if torn > 0 {
            let recovered = Recovered {
                segment,
                bytes: torn,
            };
            self.record(Event::Recovered(recovered))?;
            self.write()?;
        }
        self.file.sync_all()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.write()?;
        self.sync()?;
        let Some(segment) = self.header.segment.checked_add(1) else {
            return Err(io::Error::other("no number is left for a segment"));
        };
        let path = self.dir.join(files::segment_name(segment));
        self.file = files::private().create_new(true).open(path)?;
        self.header.segment = segment;
        self.size = 0;
        self.begin()
    }

    /// Writes the header of the segment.
    fn begin(&mut self) -> io::Result<()> {
        self.record(Event::Segment(self.header.clone()))?;
        self.write()?;
        self.file.sync_all()?;
        files::sync_dir(&self.dir)
    }

    fn record(&mut self, event: Event) -> io::Result<()> {
        let record = Record::new(self.stamps.next(), event).into_bounded_json()?;
        self.push(&record);
        Ok(())
    }

    fn push(&mut self, record: &[u8]) {
        let before = self.buffer.len();
        let hash = write_line(&mut self.buffer, self.tip.hash, self.tip.next, record);
        self.tip = Tip {
            next: self.tip.next.saturating_add(1),
            hash,
        };
        let written = self.buffer.len().saturating_sub(before);
        self.size += u64::try_from(written).unwrap_or_default();
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
