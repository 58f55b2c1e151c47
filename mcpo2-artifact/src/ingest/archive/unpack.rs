use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::{
    super::{Error, ErrorKind},
    Format,
};

/// The largest window of Zstandard: what a decoder should take, and no more (RFC 8878, section
/// 3.1.1.1.2).
const WINDOW: u64 = 8 << 20;

const BUFFER: usize = 64 * 1024;

/// The bytes of a tar archive, uncompressed, and no more of them than the budget.
pub(super) fn open<'r>(format: Format, from: impl Read + 'r, budget: u64) -> Box<dyn Read + 'r> {
    let from = BufReader::with_capacity(BUFFER, from);
    let budget = Budget::new(budget);
    match format {
        Format::TarGz => Box::new(budget.of(MultiGzDecoder::new(from))),
        Format::TarZst => Box::new(budget.of(Frames::new(from))),
        Format::Tar | Format::Zip => Box::new(from),
    }
}

/// How many bytes may still come out of an archive.
#[derive(Clone)]
pub(super) struct Budget(Rc<Cell<u64>>);

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        Self(Rc::new(Cell::new(bytes)))
    }

    pub(super) fn of<R>(&self, from: R) -> Bounded<R> {
        Bounded {
            from,
            budget: self.clone(),
        }
    }
}

/// Fails where more comes out than may.
pub(super) struct Bounded<R> {
    from: R,
    budget: Budget,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        let left = self.budget.0.get();
        let Some(left) = left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) else {
            let message = "more comes out of the archive than its length allows";
            return Err(io::Error::other(Error::new(ErrorKind::Bomb, message)));
        };
        self.budget.0.set(left);
        Ok(read)
    }
}

/// The frames of Zstandard one after another, without those that are to be skipped.
struct Frames<R> {
    from: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(from: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self {
            from,
            decoder,
            is_in_frame: false,
        }
    }

    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.from.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.from) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.from).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(false)
    }

    fn end(&mut self) -> io::Result<()> {
        self.is_in_frame = false;
        let told = self.decoder.get_checksum_from_data();
        if told.is_some() && told != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a frame has another checksum",
            ));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_in_frame {
                self.is_in_frame = self.begin()?;
                if !self.is_in_frame {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.from, one);
                decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.end()?;
        }
    }
}
