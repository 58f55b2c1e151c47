//! How numbers and bytes stand in lines of text.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A decimal number as only one text says it: digits, and no zero before others.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let short = text == "0" || !text.starts_with('0');
    (plain && short).then(|| text.parse().ok()).flatten()
}

/// Standard base64 with its padding, and no bits set behind the end.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Thirty-two bytes in base64.
pub(crate) fn base64_32(text: &str) -> Option<[u8; 32]> {
    base64(text)?.try_into().ok()
}

/// Standard base64.
pub(crate) fn to_base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Hashes, each in a line, up to an empty line; and what stands behind it. Nothing if there are more
/// than `most` of them.
pub(crate) fn hashes(mut text: &str, most: usize) -> Option<(Vec<[u8; 32]>, &str)> {
    let mut hashes = Vec::new();
    loop {
        let (line, rest) = text.split_once('\n')?;
        text = rest;
        match line {
            "" => return Some((hashes, text)),
            _ if hashes.len() >= most => return None,
            hash => hashes.push(base64_32(hash)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_has_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for wrong in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "0x1",
            "١",
            "18446744073709551616",
        ] {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(base64("AA=="), Some(vec![0]));
        for wrong in ["AA", "AB==", "AA= =", "AA==\n", "A_==", "AA==AA=="] {
            assert_eq!(base64(wrong), None, "{wrong:?}");
        }
    }
}
