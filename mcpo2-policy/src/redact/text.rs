//! One string of a message.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use mcpo2_core::json;

use super::finder::Finder;

/// How often a string is looked through: what stands beside a marker may become a finding.
const ROUNDS: usize = 4;

/// The finders for one call, and how often each found something.
#[derive(Debug)]
pub(super) struct Chosen {
    finders: Vec<Arc<Finder>>,
    counts: BTreeMap<Box<str>, u64>,
}

impl Chosen {
    pub(super) fn new(finders: Vec<Arc<Finder>>) -> Self {
        let counts = BTreeMap::new();
        Self { finders, counts }
    }

    /// How often each found something since this was asked the last time.
    pub(super) fn take_counts(&mut self) -> BTreeMap<Box<str>, u64> {
        std::mem::take(&mut self.counts)
    }

    /// What stands between the quotes of a string, without what is found in what it says; none where
    /// nothing is.
    pub(super) fn blot(&mut self, raw: &str) -> Result<Option<String>, Unsaid> {
        let mut blotted: Option<String> = None;
        for _ in 0..ROUNDS {
            let now = blotted.as_deref().unwrap_or(raw);
            let said = json::unescape(now).ok_or(Unsaid)?;
            let found = self.find(&said);
            if found.is_empty() {
                return Ok(blotted);
            }
            blotted = Some(self.without(now, &said, &found));
        }
        let now = blotted.as_deref().unwrap_or(raw);
        let found = self.find(&json::unescape(now).ok_or(Unsaid)?);
        // INVARIANT: no finder finds anything in a marker alone, or it would not have been built.
        Ok(
            match found.first().and_then(|(_, at)| self.finders.get(*at)) {
                Some(finder) => Some(finder.marker().to_owned()),
                None => blotted,
            },
        )
    }

    /// What all find, in order, each with the finder of it. What overlaps is one.
    fn find(&self, said: &str) -> Vec<(Range<usize>, usize)> {
        let each = self.finders.iter().enumerate();
        let found = each.flat_map(|(at, finder)| {
            let found = finder.find(said).into_iter();
            found.map(move |span| (span, at))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        found.dedup_by(|(next, _), (last, _)| {
            let overlaps = next.start < last.end;
            if overlaps {
                last.end = last.end.max(next.end);
            }
            overlaps
        });
        found
    }

    fn without(&mut self, raw: &str, said: &str, found: &[(Range<usize>, usize)]) -> String {
        let mut out = String::with_capacity(raw.len());
        let mut places = Places::of(raw, said);
        let mut kept = 0;
        for (span, at) in found {
            let Some(finder) = self.finders.get(*at) else {
                continue;
            };
            let start = places.raw(span.start);
            out.push_str(raw.get(kept..start).unwrap_or_default());
            out.push_str(finder.marker());
            kept = places.raw(span.end);
            *self.counts.entry(finder.name().into()).or_default() += 1;
        }
        out.push_str(raw.get(kept..).unwrap_or_default());
        out
    }
}

/// A string of which nobody can tell what it says, as one with half of a surrogate pair.
#[derive(Debug)]
pub(super) struct Unsaid;

/// Where the characters of a string stand in its JSON text.
struct Places<'a> {
    raw: &'a str,
    said: &'a str,
    /// Of one character, in both.
    at: (usize, usize),
}

impl<'a> Places<'a> {
    fn of(raw: &'a str, said: &'a str) -> Self {
        let at = (0, 0);
        Self { raw, said, at }
    }

    /// Where the character begins in the JSON text that begins there in what it says. Asked in
    /// order.
    fn raw(&mut self, in_said: usize) -> usize {
        let (mut raw, mut said) = self.at;
        if self.raw.len() == self.said.len() {
            return in_said;
        }
        let rest = self.said.get(said..in_said).unwrap_or_default();
        for sign in rest.chars() {
            let written = self.raw.as_bytes().get(raw..).unwrap_or_default();
            raw += match written {
                // Beyond the first plane they come in pairs.
                [b'\\', b'u', ..] if sign.len_utf16() == 2 => 12,
                [b'\\', b'u', ..] => 6,
                [b'\\', ..] => 2,
                _ => sign.len_utf8(),
            };
            said += sign.len_utf8();
        }
        self.at = (raw, said);
        raw
    }
}
