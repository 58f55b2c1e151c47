use super::{refused::Refused, uses::Reservation};
use crate::range::Ranges;

/// A read that goes on. What it took of the reference and did not deliver is given back when it is
/// dropped; the use too, where nothing was delivered.
#[derive(Debug)]
#[must_use = "what it took is given back when it is dropped"]
pub struct Reading {
    ranges: Ranges,
    reservation: Reservation,
}

impl Reading {
    pub(super) fn new(ranges: Ranges, reservation: Reservation) -> Self {
        Self {
            ranges,
            reservation,
        }
    }

    /// The bytes that it may deliver.
    #[must_use]
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    /// How many bytes it may still deliver.
    #[must_use]
    pub fn bytes_left(&self) -> u64 {
        self.reservation.left()
    }

    /// Spends the use and this many bytes. Call it before they are sent, so that a reader who leaves
    /// in between has paid for what he got; with zero for what has no bytes.
    ///
    /// # Errors
    ///
    /// [`Refused`] where they are more than are left: send none of them.
    pub fn deliver(&mut self, bytes: u64) -> Result<(), Refused> {
        self.reservation.spend(bytes).map_err(Refused::new)
    }
}
