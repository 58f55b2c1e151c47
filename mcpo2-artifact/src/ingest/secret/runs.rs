//! Runs of the bytes that tokens are made of. Each secret that a rule knows has a run of at least
//! [`RUN`] of them, and most text has few, so only those are looked at.

use super::{Found, Place, context, token};

/// The shortest run that is surely seen: it holds a whole block, wherever that begins.
pub(super) const RUN: usize = 15;

const BLOCK: usize = 8;
const GROUP: usize = 64;

/// The first place in `from..to` at which a rule finds something; the rest of `bytes` is context.
pub(super) fn find(bytes: &[u8], from: usize, to: usize) -> Option<(usize, Found)> {
    let seen = bytes.get(from..bytes.len().min(to.saturating_add(RUN + 1)))?;
    let mut done = from;
    for (index, group) in seen.chunks(GROUP).enumerate() {
        let base = from + index * GROUP;
        if base + GROUP <= done {
            continue;
        }
        let mut full = match may_be_full(group) {
            true => full_blocks(group),
            false => 0,
        };
        while full != 0 {
            let block = base + BLOCK * index_of_lowest(full);
            full &= full - 1;
            if block < done {
                continue;
            }
            let (start, end) = bounds(bytes, done, block);
            done = end;
            // Most are shorter.
            if end - start < RUN {
                continue;
            }
            if let Some(found) = in_run(bytes, start, end.min(to)) {
                return Some(found);
            }
        }
    }
    None
}

/// Looks where the run begins, and where a word in it does.
fn in_run(bytes: &[u8], start: usize, end: usize) -> Option<(usize, Found)> {
    let mut last = start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    for (at, byte) in (start..).zip(bytes.get(start..end)?) {
        let is_first = !last.is_some_and(known);
        let is_word = !last.is_some_and(|last| last.is_ascii_alphanumeric());
        // No run has the backslash in it.
        if is_word || at <= start + 1 && escape(bytes, at) {
            let place = Place::at(bytes, at);
            let found = token::find(place).or_else(|| is_first.then(|| context::find(place))?);
            if let Some(found) = found {
                return Some((at, found));
            }
        }
        last = Some(*byte);
    }
    None
}

/// Whether the byte before is the letter of an escape: `\n`.
fn escape(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(2).and_then(|from| bytes.get(from..at));
    matches!(before, Some([b'\\', b'n' | b'r' | b't']))
}

fn bounds(bytes: &[u8], floor: usize, block: usize) -> (usize, usize) {
    let (before, after) = bytes.split_at_checked(block).unwrap_or((bytes, &[]));
    let before = before.get(floor..).unwrap_or_default();
    let back = before.iter().rev().take_while(|b| known(**b)).count();
    let on = after.iter().take_while(|b| known(**b)).count();
    (block - back, block + on)
}

/// [`is_token_byte`] for one byte after the other, where branches are taken as often as not.
fn known(byte: u8) -> bool {
    TOKEN_BYTES
        .get(usize::from(byte))
        .is_some_and(|known| *known)
}

#[expect(
    clippy::indexing_slicing,
    reason = "a constant: it does not compile where it is wrong"
)]
static TOKEN_BYTES: [bool; 256] = {
    let mut known = [false; 256];
    let mut byte = 0_u8;
    loop {
        known[byte as usize] = is_token_byte(byte);
        if byte == u8::MAX {
            break known;
        }
        byte += 1;
    }
};

/// Whether a run may have this byte: one of base64 in either alphabet, without the padding.
// Comparisons without branches, so that the compiler does many bytes at once.
const fn is_token_byte(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let slash_or_digit = byte.wrapping_sub(b'/') < 11;
    letter | slash_or_digit | (byte == b'_') | (byte == b'-') | (byte == b'+')
}

/// Whether a block of a group may have only such bytes: false is sure, and found much sooner. What is
/// no text has few such blocks, and text has spaces and signs in most.
fn may_be_full(group: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Of `+` and what is above it in ASCII, all bytes of tokens among them, the highest bit is set
    // by this and not before. Where another byte carries into the next one, it had that bit itself.
    const UP_TO_HIGH: u64 = 0x0101_0101_0101_0101 * (0x80 - b'+' as u64);
    let blocks = group.as_chunks::<BLOCK>().0.iter();
    let blocks = blocks.map(|block| u64::from_le_bytes(*block));
    blocks.fold(false, |any, block| {
        any | (block.wrapping_add(UP_TO_HIGH) & !block & HIGH == HIGH)
    })
}

/// Which blocks of a group have only such bytes: a bit each.
fn full_blocks(group: &[u8]) -> u8 {
    let mut other = [1_u8; GROUP];
    for (other, byte) in other.iter_mut().zip(group) {
        *other = u8::from(!is_token_byte(*byte));
    }
    let blocks = other.as_chunks::<BLOCK>().0.iter();
    blocks.rev().fold(0, |bits, block| {
        bits << 1 | u8::from(u64::from_ne_bytes(*block) == 0)
    })
}

fn index_of_lowest(bits: u8) -> usize {
    usize::try_from(bits.trailing_zeros()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_bytes_are_those_of_base64_in_both_alphabets() {
        for byte in 0..=u8::MAX {
            let known = byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
            assert_eq!(is_token_byte(byte), known, "{byte}");
        }
    }

    #[test]
    fn no_block_that_is_full_is_passed_over() {
        let token: Vec<u8> = (0..=u8::MAX).filter(|byte| is_token_byte(*byte)).collect();
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                for around in &token {
                    let mut group = [b' '; GROUP];
                    group[8..16].fill(*around);
                    group[8 + at] = byte;
                    let may_be = may_be_full(&group);
                    assert!(may_be || full_blocks(&group) == 0, "{byte} at {at}");
                    assert!(!may_be || (b'+'..0x80).contains(&byte), "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn a_block_is_full_where_each_of_its_bytes_is_of_tokens() {
        let mut group = [b'a'; GROUP];
        assert_eq!(full_blocks(&group), 0xff);
        (group[0], group[63]) = (b' ', 0);
        assert_eq!(full_blocks(&group), 0x7e);
        assert_eq!(full_blocks(&group[..23]), 0b0000_0010);
    }
}
