//! Parts of files, as people ask for them.

use std::{ops::RangeInclusive, str::FromStr};

use mcpo2_artifact::range::HttpRange;

/// Which part of a file.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
pub(super) struct Part {
    /// These bytes, counted from 0, the last itself included; FROM- to the end, several with commas
    #[arg(long, value_name = "FROM-TO")]
    pub(super) bytes: Option<Bytes>,
    /// These lines, counted from 1, the last itself included; FROM- to the end
    #[arg(long, value_name = "FROM-TO")]
    pub(super) lines: Option<Lines>,
}

impl Part {
    /// Whether the whole is meant.
    pub(super) fn is_all(&self) -> bool {
        self.bytes.is_none() && self.lines.is_none()
    }
}

/// Ranges of bytes as HTTP has them.
#[derive(Debug, Clone)]
pub(super) struct Bytes(pub(super) HttpRange);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = format!("bytes={text}").parse().map(Self);
        parsed.map_err(|_| format!("`{text}` is no range: write FROM-TO, such as 0-1023"))
    }
}

/// The numbers of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines(pub(super) RangeInclusive<u64>);

impl FromStr for Lines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let last = match last {
            "" => Some(u64::MAX),
            last => last.parse().ok(),
        };
        let lines = first.parse().ok().zip(last);
        let lines = lines.filter(|(first, last)| 1 <= *first && first <= last);
        match lines {
            Some((first, last)) => Ok(Self(first..=last)),
            None => Err(format!(
                "`{text}` are no lines: write FROM-TO, such as 1-40"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_in_order() {
        let parse = |text: &str| text.parse::<Lines>().map(|Lines(lines)| lines);
        assert_eq!(parse("3-9"), Ok(3..=9));
        assert_eq!(parse("3"), Ok(3..=3));
        assert_eq!(parse("3-"), Ok(3..=u64::MAX));
        for bad in ["", "0-3", "4-3", "-3", "a", "1-2-3", "1,2"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
