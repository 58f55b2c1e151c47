use crate::{Stored, kept::char_start};

/// The beginning and the end of a text, and between them how much is left out and how to read it.
pub(crate) fn preview(text: &str, bytes: usize, stored: &Stored) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let tail = bytes / 4;
    let head = char_start(text.as_bytes(), bytes - tail);
    let tail = char_start(text.as_bytes(), text.len().saturating_sub(tail));
    let (Some(first), Some(left_out), Some(last)) =
        (text.get(..head), text.get(head..tail), text.get(tail..))
    else {
        return text.to_owned();
    };
    let (offset, behind) = (offset(head), Some(offset(tail)));
    format!(
        "{first}\n… {} of {} bytes left out; read on with resources/read of {} …\n{last}",
        left_out.len(),
        stored.size,
        stored.reference.bytes_uri(offset, behind),
    )
}

fn offset(at: usize) -> u64 {
    at.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use mcpo2_core::Digest;

    use super::*;
    use crate::Reference;

    fn stored(text: &str) -> Stored {
        let (reference, _) = Reference::parse("mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        Stored {
            reference,
            digest: Digest::of(text.as_bytes()),
            size: offset(text.len()),
        }
    }

    #[test]
    fn both_ends_stay_and_the_rest_is_named() {
        let text = format!("{}{}", "ä".repeat(50), "z".repeat(50));
        assert_eq!(
            preview(&text, 15, &stored(&text)),
            "ääääää\n… 135 of 150 bytes left out; read on with resources/read of \
             mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA?bytes=12-147 …\nzzz"
        );
    }

    #[test]
    fn a_text_that_fits_stays_whole() {
        assert_eq!(preview("short", 100, &stored("short")), "short");
        assert_eq!(preview("", 0, &stored("")), "");
    }
}
