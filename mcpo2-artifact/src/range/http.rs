use std::{ops::Range, str::FromStr};

use super::{MAX_RANGES, Ranges};

/// What a `Range` header of HTTP asks for, before the size of the whole is known
/// (RFC 9110, section 14.2).
///
/// ```
/// use mcpo2_artifact::range::{HttpRange, content_range};
/// let asked: HttpRange = "bytes=500-".parse()?;
/// let part = asked.resolve(800)?.single().expect("one range");
/// assert_eq!(content_range(&part, 800).as_deref(), Some("bytes 500-799/800"));
/// assert!(asked.resolve(500).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRange(Vec<Spec>);

/// Why a `Range` header asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpRangeError {
    /// Its unit is not `bytes`: the header must be ignored.
    #[error("ranges of another unit than bytes")]
    Unit,
    /// It has not the form of a header: it may be ignored, as if it were not there.
    #[error("not the ranges of a header")]
    Invalid,
    /// It has more than [`MAX_RANGES`] ranges: answer 416, or ignore it.
    #[error("more than 16 ranges")]
    TooMany,
}

/// None of the ranges begins within the whole: answer 416.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no range lies within the whole")]
pub struct Unsatisfiable;

/// Numbers that are too large stand for the largest: no object has so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    /// From a first byte to a last one, with the last itself.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Suffix(u64),
}

impl HttpRange {
    /// How many ranges are asked for, as they are written.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The bytes that are asked for of a whole of `size` bytes. Ranges that overlap or touch are
    /// one.
    ///
    /// They are [`Ranges::NONE`] only for the end of a whole that is empty; no header can say that
    /// part, so answer with the whole.
    ///
    /// # Errors
    ///
    /// [`Unsatisfiable`] where no range begins before `size`.
    pub fn resolve(&self, size: u64) -> Result<Ranges, Unsatisfiable> {
        let found: Vec<_> = self.0.iter().filter_map(|spec| spec.of(size)).collect();
        if found.is_empty() {
            return Err(Unsatisfiable);
        }
        // There are no more than were parsed, and none is backwards.
        Ranges::new(found).map_err(|_| Unsatisfiable)
    }
}

impl FromStr for HttpRange {
    type Err = HttpRangeError;

    /// Reads the value of the header.
    fn from_str(value: &str) -> Result<Self, HttpRangeError> {
        let (unit, list) = value.split_once('=').ok_or(HttpRangeError::Invalid)?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return Err(match is_token(unit) {
                true => HttpRangeError::Unit,
                false => HttpRangeError::Invalid,
            });
        }
        let mut specs = Vec::new();
        // A recipient reads over empty elements (RFC 9110, section 5.6.1.2).
        let elements = list
            .split(',')
            .map(|element| element.trim_matches([' ', '\t']));
        for element in elements.filter(|element| !element.is_empty()) {
            let spec = element.parse()?;
            if specs.len() == MAX_RANGES {
                return Err(HttpRangeError::TooMany);
            }
            specs.push(spec);
        }
        match specs.is_empty() {
            true => Err(HttpRangeError::Invalid),
            false => Ok(Self(specs)),
        }
    }
}

impl Spec {
    fn of(self, size: u64) -> Option<Range<u64>> {
        match self {
            Self::From(first, last) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                (first < size).then_some(first..end)
            }
            Self::Suffix(bytes) => (bytes > 0).then_some(size.saturating_sub(bytes)..size),
        }
    }
}

impl FromStr for Spec {
    type Err = HttpRangeError;

    fn from_str(text: &str) -> Result<Self, HttpRangeError> {
        let (first, last) = text.split_once('-').ok_or(HttpRangeError::Invalid)?;
        match (first, last) {
            ("", bytes) => Ok(Self::Suffix(number(bytes)?)),
            (first, "") => Ok(Self::From(number(first)?, None)),
            (first, last) if not_above(first, last) => {
                Ok(Self::From(number(first)?, Some(number(last)?)))
            }
            _ => Err(HttpRangeError::Invalid),
        }
    }
}

/// Digits alone; more than fit are the largest number.
fn number(text: &str) -> Result<u64, HttpRangeError> {
    match !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(text.parse().unwrap_or(u64::MAX)),
        false => Err(HttpRangeError::Invalid),
    }
}

/// Compares numbers of any length, as they are written.
fn not_above(one: &str, two: &str) -> bool {
    let [one, two] = [one, two].map(|text| text.trim_start_matches('0'));
    (one.len(), one) <= (two.len(), two)
}

fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// The `Content-Range` of a part of a whole of `size` bytes; none where the part is empty or does
/// not lie within.
#[must_use]
pub fn content_range(part: &Range<u64>, size: u64) -> Option<String> {
    let last = part.end.checked_sub(1)?;
    (part.start <= last && part.end <= size).then(|| format!("bytes {}-{last}/{size}", part.start))
}

/// The `Content-Range` of a refusal, which says the size of the whole.
#[must_use]
pub fn unsatisfied_range(size: u64) -> String {
    format!("bytes */{size}")
}
