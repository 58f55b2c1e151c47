use std::time::Duration;

use super::{
    super::{Attack, Extent, Files, Finding, Report},
    Walk,
};

impl<F: Files + ?Sized> Walk<'_, F> {
    /// What holds at the end of a whole ledger.
    pub(in crate::log) fn finish(mut self, window: Option<Duration>) -> Result<Report, Finding> {
        let (committed, next) = (self.state.proven.size, self.state.next);
        let ended = self.ended(window);
        ended.map_err(|finding| finding.seq_at(committed).with_proven(committed))?;
        if let Some(tiles) = self.tiles.take() {
            let tiles = tiles.finish();
            let counted = tiles.map_err(|it| it.seq_at(0).with_proven(committed))?;
            (self.counts.tiles, self.counts.torn_tiles) = counted;
        }
        self.tail.records = next.saturating_sub(committed);
        Ok(self.report())
    }

    fn ended(&mut self, window: Option<Duration>) -> Result<(), Finding> {
        // a crash may come between a record and its values
        self.count_missing_values();
        let committed = self.state.proven.size;
        self.marks.end(committed).map_err(|finding| {
            let torn = self.tail.torn && finding.attack() == Attack::Truncated;
            let attack = if torn { Attack::Torn } else { finding.attack() };
            finding.with_attack(attack)
        })?;
        if let Some(rotation) = self
            .keys
            .rotations()
            .iter()
            .find(|it| it.size() > committed)
        {
            let why = format!(
                "keys changed at record {}, which is missing",
                rotation.size()
            );
            return Err(Finding::new(Attack::Truncated, why));
        }
        if self.state.first > self.state.proven.retention {
            let why = "segments are missing at the front, and no record allows it";
            return Err(Finding::new(Attack::Removed, why).seq_at(0).with_proven(0));
        }
        window.map_or(Ok(()), |window| self.marks.times(window))
    }

    /// What holds at the end of a range.
    pub(in crate::log) fn finish_within(self, end: u64) -> Result<Report, Finding> {
        let committed = self.state.proven.size;
        if committed < end {
            let why = format!("no commit covers the records below {end}");
            let finding = Finding::new(Attack::Truncated, why);
            return Err(finding.seq_at(committed).with_proven(committed));
        }
        Ok(self.report())
    }

    fn report(self) -> Report {
        Report {
            origin: self.keys.origin().to_owned(),
            extent: Extent {
                first: self.state.first,
                size: self.state.proven.size,
                root: self.state.proven.root,
                newest_ns: self.state.proven.newest_ns,
            },
            tail: self.tail,
            counts: self.counts,
            published: self.marks.published(),
            cosigners: self.marks.into_cosigners(),
        }
    }
}
