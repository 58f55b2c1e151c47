use std::{borrow::Cow, error::Error as StdError, fmt};

use crate::segment_name;

use super::Attack;

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The number of the first record of the segment, which names its file.
    pub segment: u64,
    /// The first byte of the frame.
    pub offset: u64,
}

/// The first thing that does not hold.
#[derive(Debug)]
pub struct Finding {
    attack: Attack,
    seq: Option<u64>,
    proven: Option<u64>,
    place: Option<Place>,
    why: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Finding {
    pub(crate) fn new(attack: Attack, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            attack,
            seq: None,
            proven: None,
            place: None,
            why: why.into(),
            source: None,
        }
    }

    /// That something cannot be read, of which a sentence tells why.
    #[must_use]
    pub fn unreadable(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Attack::Unreadable, why)
    }

    pub(crate) fn of(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn with_attack(mut self, attack: Attack) -> Self {
        self.attack = attack;
        self
    }

    pub(crate) fn seq_at(mut self, seq: u64) -> Self {
        self.seq.get_or_insert(seq);
        self
    }

    pub(crate) fn with_proven(mut self, proven: u64) -> Self {
        self.proven.get_or_insert(proven);
        self
    }

    pub(crate) fn at(mut self, segment: u64, offset: u64) -> Self {
        self.place.get_or_insert(Place { segment, offset });
        self
    }

    /// What was done.
    #[must_use]
    pub const fn attack(&self) -> Attack {
        self.attack
    }

    /// The first record that is, or may be, other than it was written; `None` where it is about
    /// no record.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// How many records were proven before: those below this number are as they were signed.
    #[must_use]
    pub const fn proven(&self) -> u64 {
        match self.proven {
            Some(proven) => proven,
            None => 0,
        }
    }

    /// The segment and the frame.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.place
    }

    /// What does not hold, in a sentence.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attack.name(), self.why)?;
        if let Some(seq) = self.seq {
            write!(f, "; from record {seq} on nothing is certain")?;
        }
        if let Some(Place { segment, offset }) = self.place {
            write!(f, " (seg/{}, offset {offset})", segment_name(segment))?;
        }
        Ok(())
    }
}

impl StdError for Finding {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.source.as_ref()?;
        Some(&**source)
    }
}
