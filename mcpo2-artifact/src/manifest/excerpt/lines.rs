use std::ops::{Range, RangeInclusive};

/// Where these lines of a file stand, counted from one; none where the first is not there.
///
/// A line ends behind its `\n`, or at the end of the file. The last line may be behind the end.
///
/// ```
/// use mcpo2_artifact::manifest::excerpt::lines;
/// assert_eq!(lines(b"one\ntwo\nthree", 2..=3), Some(4..13));
/// assert_eq!(lines(b"one\ntwo\nthree", 4..=4), None);
/// ```
#[must_use]
pub fn lines(content: &[u8], lines: RangeInclusive<u64>) -> Option<Range<u64>> {
    let (first, last) = lines.into_inner();
    let above = usize::try_from(first.checked_sub(1)?).ok()?;
    let more = usize::try_from(last.checked_sub(first)?).unwrap_or(usize::MAX);
    let mut ends = content
        .split_inclusive(|byte| *byte == b'\n')
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        });
    let start = match above {
        0 => 0,
        above => ends.nth(above - 1)?,
    };
    let end = ends.by_ref().take(more.saturating_add(1)).last()?;
    Some(start.try_into().ok()?..end.try_into().ok()?)
}

/// How many lines end in these bytes.
pub(super) fn ends(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    ends.try_into().unwrap_or(u64::MAX)
}
