use std::io::{self, Read, Seek, SeekFrom};

use super::{
    Format,
    header::{BLOCK, Header},
    unpack,
};

/// More than the first block of a tar archive takes, however it is compressed.
const BUDGET: u64 = 1 << 20;

/// Looks at the first bytes, and goes back to where they begin.
pub(super) fn detect(from: &mut (impl Read + Seek)) -> io::Result<Option<Format>> {
    let start = from.stream_position()?;
    let head = first_block(&mut *from)?;
    let format = match *head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Format::Zip),
        [0x1f, 0x8b, ..] => Some(Format::TarGz),
        // A frame, or one that is to be skipped.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Format::TarZst),
        _ => is_tar(&head).then_some(Format::Tar),
    };
    from.seek(SeekFrom::Start(start))?;
    let Some(packed) = format.filter(|it| matches!(it, Format::TarGz | Format::TarZst)) else {
        return Ok(format);
    };
    let inner = first_block(unpack::open(packed, &mut *from, BUDGET));
    from.seek(SeekFrom::Start(start))?;
    Ok(inner.map_or(true, |block| is_tar(&block)).then_some(packed))
}

fn first_block(from: impl Read) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK);
    let most = u64::try_from(BLOCK).unwrap_or(u64::MAX);
    from.take(most).read_to_end(&mut block)?;
    Ok(block)
}

fn is_tar(block: &[u8]) -> bool {
    block
        .first_chunk()
        .is_some_and(|block| Header::new(block).is_ok())
}
