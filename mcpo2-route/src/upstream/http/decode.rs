use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use mcpo2_core::Error;

use crate::upstream::fault;

/// How much compressed data is taken at a time. Deflate makes at most 1,032 bytes of one, so what
/// comes out before its length is looked at is 1 MiB.
const PIECE: usize = 1024;

/// The content of a response as bytes of a message: as they came, or out of gzip.
///
/// The gateway asks for `identity`. A module, or a proxy before it, that compresses all the same
/// is understood where it does so by gzip; other encodings are refused.
#[derive(Debug)]
pub(super) struct Content {
    body: Incoming,
    /// Apart, as it is large and rare.
    gzip: Option<Box<Gzip>>,
}

#[derive(Debug)]
struct Gzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    /// What came and is not decoded yet.
    waiting: Bytes,
    /// Whether something came of which the end is still to be checked.
    open: bool,
}

impl Content {
    /// The content of a response with these headers.
    pub(super) fn new(headers: &HeaderMap, body: Incoming) -> Result<Self, Error> {
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        let gzip = match (encodings.next(), encodings.next()) {
            (None, _) => None,
            (Some(one), None) => match one.as_bytes().to_ascii_lowercase().as_slice() {
                b"identity" => None,
                b"gzip" | b"x-gzip" => Some(Box::new(Gzip::new())),
                _ => return Err(fault::protocol("an encoding that nobody asked for")),
            },
            (Some(_), Some(_)) => return Err(fault::protocol("one encoding in another")),
        };
        Ok(Self { body, gzip })
    }

    /// How many bytes there will be, where that is known.
    pub(super) fn announced(&self) -> Option<u64> {
        let exact = self.body.size_hint().exact();
        exact.filter(|_| self.gzip.is_none())
    }

    /// The next bytes; none where there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(gzip) = &mut self.gzip
                && !gzip.waiting.is_empty()
            {
                let decoded = gzip.decode().map_err(fault::protocol)?;
                if !decoded.is_empty() {
                    return Ok(Some(decoded));
                }
                continue;
            }
            let Some(frame) = self.body.frame().await else {
                return self.end();
            };
            let Ok(data) = frame.map_err(fault::broken)?.into_data() else {
                continue;
            };
            match &mut self.gzip {
                Some(gzip) => gzip.waiting = data,
                None => return Ok(Some(data)),
            }
        }
    }

    fn end(&mut self) -> Result<Option<Bytes>, Error> {
        let rest = match &mut self.gzip {
            Some(gzip) => gzip.finish().map_err(fault::protocol)?,
            None => Bytes::new(),
        };
        Ok((!rest.is_empty()).then_some(rest))
    }
}

impl Gzip {
    fn new() -> Self {
        Self {
            decoder: MultiGzDecoder::new(Vec::new()),
            waiting: Bytes::new(),
            open: false,
        }
    }

    /// What the next piece of that which came says.
    fn decode(&mut self) -> io::Result<Bytes> {
        let piece = self.waiting.split_to(PIECE.min(self.waiting.len()));
        self.open = true;
        self.decoder.write_all(&piece)?;
        // An event of a stream is due when its bytes are here, not when a buffer is full.
        self.decoder.flush()?;
        Ok(self.take())
    }

    /// Checks that the data is whole. An empty body is.
    fn finish(&mut self) -> io::Result<Bytes> {
        if std::mem::take(&mut self.open) {
            self.decoder.try_finish()?;
        }
        Ok(self.take())
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(self.decoder.get_mut()).into()
    }
}
