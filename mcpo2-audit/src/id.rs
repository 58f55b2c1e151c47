use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Clock;

/// The id of one record: a UUID of version 7, known before the record is written.
///
/// The layer puts it into the extensions of the call and of its reply, so that logs and answers
/// can name the record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(u128);

/// The text is no UUID in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record id is a UUID in lower case")]
pub struct RecordIdError;

impl RecordId {
    /// RFC 9562, section 5.7: milliseconds, version, random, variant, random.
    pub(crate) fn v7(time: Timestamp, random: [u8; 16]) -> Self {
        let millis = u128::from(u64::try_from(time.as_millisecond()).unwrap_or_default());
        let random = u128::from_be_bytes(random) & !(0xffff_ffff_ffff << 80);
        let random = random & !(0xf << 76) & !(0x3 << 62);
        Self(((millis & 0xffff_ffff_ffff) << 80) | random | (0x7 << 76) | (0x2 << 62))
    }
}

impl RecordId {
    /// Its 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// The text of an id, without an allocation. Aligned, so that UTF-8 is checked in words.
#[repr(align(8))]
struct Text([u8; 36]);

impl Text {
    /// Where the digits of each byte stand.
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

    fn of(id: RecordId) -> Self {
        let digit = |nibble: u8| b'0' + nibble + if nibble > 9 { b'a' - b'9' - 1 } else { 0 };
        let mut text = [b'-'; 36];
        for (at, byte) in Self::PLACES.into_iter().zip(id.0.to_be_bytes()) {
            if let Some(pair) = text.get_mut(at..).and_then(<[_]>::first_chunk_mut) {
                *pair = [digit(byte >> 4), digit(byte & 15)];
            }
        }
        Self(text)
    }

    fn as_str(&self) -> &str {
        // It is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Text::of(*self).as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RecordId {
    type Err = RecordIdError;

    fn from_str(text: &str) -> Result<Self, RecordIdError> {
        let digits: String = text.split('-').collect();
        let id = u128::from_str_radix(&digits, 16).map(Self);
        id.ok()
            .filter(|id| id.to_string() == text)
            .ok_or(RecordIdError)
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(Text::of(*self).as_str())
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Gives each record its id and its time.
#[derive(Debug)]
pub(crate) struct Stamps {
    clock: Arc<dyn Clock>,
    seed: [u8; 32],
    count: AtomicU64,
}

impl Stamps {
    /// `seed` is fresh random, so that ids of two runs never meet.
    pub(crate) fn new(clock: Arc<dyn Clock>, seed: [u8; 32]) -> Self {
        let count = AtomicU64::new(0);
        Self { clock, seed, count }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn next(&self) -> (RecordId, Timestamp) {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let hash = blake3::keyed_hash(&self.seed, &count.to_le_bytes());
        let mut random = [0; 16];
        random
            .iter_mut()
            .zip(hash.as_bytes())
            .for_each(|(to, from)| *to = *from);
        let time = self.clock.now();
        (RecordId::v7(time, random), time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;

    #[test]
    fn ids_are_uuids_of_version_7_and_round_trip() {
        let stamps = Stamps::new(Arc::new(SystemClock::default()), [7; 32]);
        let (one, time) = stamps.next();
        let (two, _) = stamps.next();
        assert_ne!(one, two);
        let text = one.to_string();
        assert_eq!(text.parse(), Ok(one));
        assert_eq!((text.len(), &text[14..15]), (36, "7"));
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
        let millis = u128::try_from(time.as_millisecond()).unwrap();
        assert_eq!(one.0 >> 80, millis);
        let upper = "0190A5B2-0000-7000-8000-000000000000";
        assert_eq!(upper.parse::<RecordId>(), Err(RecordIdError));
        upper.to_lowercase().parse::<RecordId>().unwrap();
        assert!(
            "+0000000-0000-0000-0000-000000000000"
                .parse::<RecordId>()
                .is_err()
        );
    }
}
