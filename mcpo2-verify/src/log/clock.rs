use crate::Leaf;

/// The times of the record before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    wall_ns: u64,
    mono_ns: u64,
    boot_id: [u8; 16],
}

impl Times {
    pub(super) const fn of(leaf: &Leaf) -> Self {
        Self {
            wall_ns: leaf.wall_ns,
            mono_ns: leaf.mono_ns,
            boot_id: leaf.boot_id,
        }
    }

    /// What is wrong with the time of the record behind.
    pub(super) fn wrong(self, leaf: &Leaf) -> Option<&'static str> {
        if leaf.wall_ns < self.wall_ns {
            return Some("a record is older than the one before it");
        }
        let same_boot = leaf.boot_id == self.boot_id;
        let back = same_boot && leaf.mono_ns < self.mono_ns;
        back.then_some("the clock that nobody sets ran backwards")
    }

    pub(super) const fn wall_ns(self) -> u64 {
        self.wall_ns
    }
}
