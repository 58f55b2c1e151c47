use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    BlobError, BlobErrorKind, Head, Kind, PinRecord, RootRecord, Space,
    ledger::Place,
    space::{SpaceState, corrupt},
    tenant::seconds,
};
use crate::Key;

/// What a sweep takes away.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    grace: Duration,
    dry_run: bool,
}

impl SweepOptions {
    /// The same, but pins live this much longer than they say, and blobs that nothing keeps until
    /// they are this old. One hour by default.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The same, but nothing is taken away: the report says what would be.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(3600),
            dry_run: false,
        }
    }
}

/// What a sweep found and took away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepReport {
    /// Spaces that were swept.
    pub spaces: u64,
    /// Spaces with a damaged root or pin, where nothing was taken away.
    pub damaged: Vec<Space>,
    /// Roots that live.
    pub roots_kept: u64,
    /// Roots that were taken away.
    pub roots_deleted: u64,
    /// Pins that were taken away.
    pub pins_deleted: u64,
    /// Blobs that a root, a session or their age kept.
    pub blobs_kept: u64,
    /// Blobs that were taken away.
    pub blobs_deleted: u64,
    /// The bytes of all that was taken away.
    pub bytes_freed: u64,
}

/// Sweeps one space: pins first, then roots, then blobs. Where it ends early, what is left is what the
/// next one takes: a root without a pin, blobs without a root.
pub(crate) async fn sweep(
    space: &Arc<SpaceState>,
    options: &SweepOptions,
    now: SystemTime,
    report: &mut SweepReport,
) -> Result<(), BlobError> {
    let sweeping = Sweeping::begin(space, options, now)?;
    let marked = match sweeping.mark().await {
        Err(error) if error.kind() == BlobErrorKind::Corrupt => {
            report.damaged.push(space.space());
            return Ok(());
        }
        marked => marked?,
    };
    report.spaces = report.spaces.saturating_add(1);
    report.roots_kept = report.roots_kept.saturating_add(marked.roots);
    sweeping.delete(marked, report).await
}

struct Sweeping<'a> {
    space: &'a Arc<SpaceState>,
    options: &'a SweepOptions,
    now: SystemTime,
}

/// What has to go, and which blobs have to stay.
#[derive(Default)]
struct Marked {
    roots: u64,
    pins: Vec<(Key, u64)>,
    dying: Vec<(Key, u64)>,
    blobs: HashSet<Key>,
}

impl<'a> Sweeping<'a> {
    fn begin(
        space: &'a Arc<SpaceState>,
        options: &'a SweepOptions,
        now: SystemTime,
    ) -> Result<Self, BlobError> {
        match space.ledger().begin_sweep() {
            true => Ok(Self {
                space,
                options,
                now,
            }),
            false => Err(BlobErrorKind::Locked.into()),
        }
    }

    /// INVARIANT: pins are listed before roots. A root is committed after its pin, so one whose pin
    /// was put behind our back is held, or was at some time since we began.
    async fn mark(&self) -> Result<Marked, BlobError> {
        self.space.count().await?;
        let pins = self.pins().await?;
        let roots = self.list(Kind::Root).await?;
        let known: HashSet<_> = roots.iter().map(|(root, _)| *root).collect();
        let kept: HashSet<_> = (pins.iter())
            .filter(|pin| !self.has_ended(&pin.record))
            .map(|pin| pin.record.root)
            .collect();
        let mut marked = Marked::default();
        for pin in pins {
            let dangles = !known.contains(&pin.record.root)
                && !self.is_protected((Kind::Root, pin.record.root));
            if dangles || self.has_ended(&pin.record) {
                marked.pins.push((pin.key, pin.size));
            }
        }
        let unkept = known.difference(&kept).copied().collect();
        let dying: HashSet<_> = self.condemn(unkept).into_iter().collect();
        for (root, size) in roots {
            match dying.contains(&root) {
                true => marked.dying.push((root, size)),
                false => self.mark_members(&root, &mut marked).await?,
            }
        }
        Ok(marked)
    }

    async fn mark_members(&self, root: &Key, marked: &mut Marked) -> Result<(), BlobError> {
        if let Some(bytes) = self.read((Kind::Root, *root)).await? {
            let record = RootRecord::from_bytes(&bytes).map_err(corrupt)?;
            marked.blobs.extend(record.members());
            marked.roots = marked.roots.saturating_add(1);
        }
        Ok(())
    }

    async fn delete(&self, marked: Marked, report: &mut SweepReport) -> Result<(), BlobError> {
        for (pin, size) in marked.pins {
            let deleted = self.delete_one((Kind::Pin, pin), size, report).await?;
            report.pins_deleted = report.pins_deleted.saturating_add(deleted);
        }
        for (root, size) in marked.dying {
            let deleted = self.delete_one((Kind::Root, root), size, report).await?;
            report.roots_deleted = report.roots_deleted.saturating_add(deleted);
        }
        let mut after = None;
        while let Some(page) = self.space.page(Kind::Blob, &mut after).await? {
            for listed in page {
                let deleted =
                    match marked.blobs.contains(&listed.key) || self.is_young(&listed.head) {
                        true => 0,
                        false => {
                            let place = (Kind::Blob, listed.key);
                            self.delete_one(place, listed.head.size, report).await?
                        }
                    };
                report.blobs_deleted = report.blobs_deleted.saturating_add(deleted);
                report.blobs_kept = report.blobs_kept.saturating_add(1 - deleted);
            }
        }
        Ok(())
    }

    /// One where it was deleted, none where it is protected.
    async fn delete_one(
        &self,
        place: Place,
        size: u64,
        report: &mut SweepReport,
    ) -> Result<u64, BlobError> {
        let deleted = match self.options.dry_run {
            true => !self.is_protected(place),
            false => self.space.sweep(place).await?,
        };
        if !deleted {
            return Ok(0);
        }
        report.bytes_freed = report.bytes_freed.saturating_add(size);
        Ok(1)
    }

    async fn pins(&self) -> Result<Vec<Pin>, BlobError> {
        let mut pins = Vec::new();
        for (key, size) in self.list(Kind::Pin).await? {
            if let Some(bytes) = self.read((Kind::Pin, key)).await? {
                let record = PinRecord::from_bytes(&bytes).map_err(corrupt)?;
                pins.push(Pin { key, size, record });
            }
        }
        Ok(pins)
    }

    async fn list(&self, kind: Kind) -> Result<Vec<(Key, u64)>, BlobError> {
        let (mut all, mut after) = (Vec::new(), None);
        while let Some(page) = self.space.page(kind, &mut after).await? {
            all.extend(page.iter().map(|listed| (listed.key, listed.head.size)));
        }
        Ok(all)
    }

    /// None where it has gone in the meantime.
    async fn read(&self, place: Place) -> Result<Option<bytes::Bytes>, BlobError> {
        match self
            .space
            .store()
            .read(&self.space.name(place), 0..u64::MAX)
            .await
        {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == BlobErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn condemn(&self, roots: Vec<Key>) -> Vec<Key> {
        match self.options.dry_run {
            true => {
                let free = |root: &Key| !self.is_protected((Kind::Root, *root));
                roots.into_iter().filter(free).collect()
            }
            false => self.space.ledger().condemn(roots),
        }
    }

    fn is_protected(&self, place: Place) -> bool {
        self.space.ledger().is_protected(&place)
    }

    fn has_ended(&self, pin: &PinRecord) -> bool {
        let grace = self.options.grace.as_secs();
        let ended = |until: u64| until.saturating_add(grace) <= seconds(self.now);
        pin.until.is_some_and(ended)
    }

    fn is_young(&self, head: &Head) -> bool {
        let age = self.now.duration_since(head.modified);
        age.unwrap_or(Duration::ZERO) < self.options.grace
    }
}

impl Drop for Sweeping<'_> {
    fn drop(&mut self) {
        self.space.ledger().end_sweep();
    }
}

struct Pin {
    key: Key,
    size: u64,
    record: PinRecord,
}
