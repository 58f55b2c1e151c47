//! Ranges of bytes: half-open, merged, at most sixteen; and the `Range` header of HTTP.
//!
//! Pure arithmetic that cannot overflow. Nothing here knows what the bytes are.

use std::{fmt, ops::Range};

mod http;

pub use self::http::{HttpRange, HttpRangeError, Unsatisfiable, content_range, unsatisfied_range};

/// How many ranges one set has at most.
pub const MAX_RANGES: usize = 16;

/// A set of bytes: up to [`MAX_RANGES`] half-open ranges in order, none empty, none touching the
/// next. Two sets are equal exactly when they hold the same bytes.
///
/// ```
/// use mcpo2_artifact::range::Ranges;
/// let asked = Ranges::new([100..200, 0..10, 5..20])?;
/// assert_eq!(asked.to_string(), "0-20,100-200");
/// assert_eq!(asked.intersect(&Ranges::one(15..150))?.to_string(), "15-20,100-150");
/// assert_eq!(asked.clamp(110).bytes(), 30);
/// # Ok::<(), mcpo2_artifact::range::RangeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ranges {
    list: [Span; MAX_RANGES],
    len: usize,
}

/// Why some ranges are no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// There are more than [`MAX_RANGES`].
    #[error("more than 16 ranges")]
    TooMany,
    /// One ends before it begins.
    #[error("a range that ends before it begins")]
    Backwards,
}

/// Not empty where it is in use; 0 to 0 where it is not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Span {
    start: u64,
    end: u64,
}

impl Ranges {
    /// No byte.
    pub const NONE: Self = Self {
        list: [Span { start: 0, end: 0 }; MAX_RANGES],
        len: 0,
    };

    /// The bytes of these ranges, which may overlap and come in any order; empty ones are nothing.
    ///
    /// # Errors
    ///
    /// [`RangeError`] where more than [`MAX_RANGES`] are given, merged or not, or one ends before it
    /// begins.
    pub fn new(ranges: impl IntoIterator<Item = Range<u64>>) -> Result<Self, RangeError> {
        let mut given = Self::NONE;
        for Range { start, end } in ranges {
            if end < start {
                return Err(RangeError::Backwards);
            }
            given.append(Span { start, end })?;
        }
        if let Some(list) = given.list.get_mut(..given.len) {
            list.sort_unstable_by_key(|span| span.start);
        }
        let mut merged = Self::NONE;
        for span in given.spans() {
            merged.push(*span)?;
        }
        Ok(merged)
    }

    /// The bytes of one range; none where it is empty or backwards.
    #[must_use]
    pub fn one(range: Range<u64>) -> Self {
        let mut one = Self::NONE;
        if let (Range { start, end }, [first, ..]) = (range, &mut one.list)
            && start < end
        {
            *first = Span { start, end };
            one.len = 1;
        }
        one
    }

    /// Every byte there can be.
    #[must_use]
    pub fn all() -> Self {
        Self::one(0..u64::MAX)
    }

    /// Whether it holds every byte there can be.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether it holds no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many ranges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many bytes there are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // They do not overlap, so the sum is at most the last end.
        self.spans().iter().fold(0, |sum, span| sum + span.bytes())
    }

    /// The range, where there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<Range<u64>> {
        match self.spans() {
            [span] => Some(span.range()),
            _ => None,
        }
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range<u64>> {
        self.spans().iter().map(Span::range)
    }

    /// Whether each byte of `other` is one of these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        // Neither set has ranges that touch, so each of `other` must lie within one of these.
        let inside = |inner: &Span| {
            let mut outer = self.spans().iter();
            outer.any(|outer| outer.start <= inner.start && inner.end <= outer.end)
        };
        other.spans().iter().all(inside)
    }

    /// The bytes that are in both.
    ///
    /// # Errors
    ///
    /// [`RangeError::TooMany`] where they are more than [`MAX_RANGES`] ranges.
    pub fn intersect(&self, other: &Self) -> Result<Self, RangeError> {
        let (mut ours, mut theirs) = (self.spans(), other.spans());
        let mut both = Self::NONE;
        while let ([one, more_ours @ ..], [two, more_theirs @ ..]) = (ours, theirs) {
            both.push(Span {
                start: one.start.max(two.start),
                end: one.end.min(two.end),
            })?;
            match one.end <= two.end {
                true => ours = more_ours,
                false => theirs = more_theirs,
            }
        }
        Ok(both)
    }

    /// Those bytes that lie before `size`.
    #[must_use]
    pub fn clamp(&self, size: u64) -> Self {
        self.cut(|span| Span {
            end: span.end.min(size),
            ..span
        })
    }

    /// The first bytes, up to `limit` of them.
    #[must_use]
    pub fn first(&self, mut limit: u64) -> Self {
        self.cut(|span| {
            let end = span.start.saturating_add(limit).min(span.end);
            limit -= end - span.start;
            Span { end, ..span }
        })
    }

    /// The same with each range cut shorter at its end, so that they stay in order and as few.
    fn cut(&self, mut shorter: impl FnMut(Span) -> Span) -> Self {
        let mut cut = Self::NONE;
        let kept = self.spans().iter().map(|span| shorter(*span));
        for (slot, span) in cut.list.iter_mut().zip(kept.filter(Span::is_some)) {
            *slot = span;
            cut.len += 1;
        }
        cut
    }

    /// Adds a span that begins at or behind the beginning of the last one.
    fn push(&mut self, span: Span) -> Result<(), RangeError> {
        let last = self.list.get_mut(..self.len).and_then(<[_]>::last_mut);
        match last {
            Some(last) if span.is_some() && span.start <= last.end => {
                last.end = last.end.max(span.end);
                Ok(())
            }
            _ if span.is_some() => self.append(span),
            _ => Ok(()),
        }
    }

    fn append(&mut self, span: Span) -> Result<(), RangeError> {
        let slot = self.list.get_mut(self.len).ok_or(RangeError::TooMany)?;
        *slot = span;
        self.len += 1;
        Ok(())
    }

    fn spans(&self) -> &[Span] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

impl Span {
    fn is_some(&self) -> bool {
        self.start < self.end
    }

    fn bytes(&self) -> u64 {
        self.end - self.start
    }

    fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

impl fmt::Display for Ranges {
    /// `0-20,100-200`, without the ends themselves; `none` and `all` are words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() || self.is_all() {
            return f.write_str(if self.is_empty() { "none" } else { "all" });
        }
        for (at, Span { start, end }) in self.spans().iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{start}-{end}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ranges({self})")
    }
}
