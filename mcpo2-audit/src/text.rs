use std::{borrow::Cow, error::Error as StdError, fmt::Write};

/// The text, cut to about `max` bytes with a mark that says how long it was.
pub(crate) fn clipped(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    // `str::floor_char_boundary`, which the oldest supported compiler does not have.
    let kept = (0..=max).rev().find_map(|end| text.get(..end));
    let kept = kept.unwrap_or_default();
    Cow::Owned(format!("{kept}…[{} bytes]", text.len()))
}

/// The same as a text of its own.
pub(crate) fn clip(text: &str, max: usize) -> Box<str> {
    clipped(text, max).into()
}

/// The same in place.
pub(crate) fn clip_in_place(text: &mut Box<str>, max: usize) {
    if text.len() > max {
        *text = clip(text, max);
    }
}

/// The same for text that may be static.
pub(crate) fn clip_cow(text: &mut Cow<'static, str>, max: usize) {
    if text.len() > max {
        *text = Cow::Owned(clip(text, max).into_string());
    }
}

/// An error and what caused it, outermost first.
pub(crate) fn chain(error: &dyn StdError, max: usize) -> Box<str> {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        if text.len() > max {
            break;
        }
        // Writing to a String cannot fail.
        let _ = write!(text, ": {source}");
        next = source.source();
    }
    clip(&text, max)
}

/// The trace id in a W3C `traceparent`, if it has its form.
pub(crate) fn trace_id(traceparent: &str) -> Option<&str> {
    let lower_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = traceparent.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let whole = version.len() == 2 && trace.len() == 32 && parts.next()?.len() == 16;
    (whole && lower_hex(version) && lower_hex(trace) && trace.bytes().any(|b| b != b'0'))
        .then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(&*clip("short", 5), "short");
        assert_eq!(&*clip("äöü", 3), "ä…[6 bytes]");
    }

    #[test]
    fn only_a_well_formed_traceparent_has_a_trace_id() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(good), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [
            "",
            "00-x-y-z",
            &good.to_uppercase(),
            &good.replace("4b", "zz"),
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
