use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder;

/// Cuts bytes into lines of a bounded length.
///
/// A line ends at a line feed, and a carriage return before it goes too. What stands behind the
/// last line feed is a line once the input ends. Lines of white space are none.
#[derive(Debug)]
pub struct LineDecoder {
    max: usize,
    scanned: usize,
}

/// A line is longer than it may be.
#[derive(Debug, thiserror::Error)]
#[error("a line is longer than {max} bytes")]
pub struct LineTooLong {
    max: usize,
}

impl LineDecoder {
    /// A decoder of lines up to `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, scanned: 0 }
    }

    fn next(&mut self, buffer: &mut BytesMut, ended: bool) -> io::Result<Option<Bytes>> {
        loop {
            let fresh = buffer.get(self.scanned..).unwrap_or_default();
            let Some(found) = fresh.iter().position(|&byte| byte == b'\n') else {
                self.scanned = buffer.len();
                self.check(buffer.len())?;
                if !ended || buffer.is_empty() {
                    return Ok(None);
                }
                self.scanned = 0;
                return Ok(line(buffer.split()));
            };
            let end = self.scanned + found;
            self.scanned = 0;
            self.check(end)?;
            let mut whole = buffer.split_to(end + 1);
            whole.truncate(end);
            if let Some(line) = line(whole) {
                return Ok(Some(line));
            }
        }
    }

    fn check(&self, length: usize) -> io::Result<()> {
        match length > self.max {
            true => Err(io::Error::other(LineTooLong { max: self.max })),
            false => Ok(()),
        }
    }
}

impl Decoder for LineDecoder {
    type Item = Bytes;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        self.next(buffer, false)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        self.next(buffer, true)
    }
}

fn line(mut whole: BytesMut) -> Option<Bytes> {
    if whole.last() == Some(&b'\r') {
        whole.truncate(whole.len() - 1);
    }
    let blank = whole.iter().all(u8::is_ascii_whitespace);
    (!blank).then(|| whole.freeze())
}

/// The message as one line: JSON has line ends between its tokens only, where a space means the
/// same.
pub(in crate::upstream) fn one_line(message: &Bytes) -> Bytes {
    if !message.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return message.clone();
    }
    let flat = message.iter().map(|&byte| match byte {
        b'\n' | b'\r' => b' ',
        other => other,
    });
    flat.collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]], max: usize) -> Result<Vec<Bytes>, io::Error> {
        let (mut decoder, mut buffer, mut out) =
            (LineDecoder::new(max), BytesMut::new(), Vec::new());
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some(line) = decoder.decode(&mut buffer)? {
                out.push(line);
            }
        }
        while let Some(line) = decoder.decode_eof(&mut buffer)? {
            out.push(line);
        }
        Ok(out)
    }

    #[test]
    fn lines_end_at_line_feeds_and_at_the_end() {
        let got = lines(&[b"a\r\n\n  \nb", b"c\nd"], 10).unwrap();
        assert_eq!(got, ["a", "bc", "d"]);
    }

    #[test]
    fn a_line_over_the_limit_is_an_error_before_it_ends() {
        assert!(lines(&[b"aaaa\n"], 4).is_ok());
        assert!(lines(&[b"aaaaa"], 4).is_err());
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(text in "[ab\r\n ]{0,40}", size in 1_usize..9) {
            let chunks: Vec<_> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(lines(&chunks, 99).unwrap(), lines(&[text.as_bytes()], 99).unwrap());
        }
    }
}
