use std::{
    any::Any,
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

mod change;

use self::change::{Chance, Change, apply, tear};
use super::{Disk, DiskFile};

/// A disk in memory that keeps no more than what it must, and fails when it is told to.
///
/// What was not synced is lost by a [`crash`](Self::crash), sector by sector, by chance. Names
/// that came and went are kept in their order, up to some moment behind the last sync of their folder.
///
/// ```
/// use mcpo2_audit::conformance::ModelDisk;
/// use mcpo2_audit::{Disk, DiskFile};
/// let disk = ModelDisk::new();
/// disk.create("kept")?.sync()?;
/// disk.sync_dir("")?;
/// disk.open("kept")?.write_all_at(b"perhaps", 0)?;
/// let after = disk.crash(7);
/// let kept = after.read("kept", 100)?;
/// assert!(kept.is_empty() || kept == b"perhaps");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ModelDisk(Arc<Mutex<State>>);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The machine stops: half of this operation is done, by chance, and nothing after it.
    Crash,
    /// This operation fails once, with an I/O error.
    Error,
    /// This operation fails once, and if it is a sync, what it was to make safe is lost, while
    /// later ones say that all is well.
    LostSync,
}

#[derive(Debug, Default)]
struct State {
    /// Names as who uses the disk sees them, and the files behind them.
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    pending_names: Vec<(String, Option<usize>)>,
    nodes: Vec<Node>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    sync_fault: Option<Fault>,
    capacity: Option<usize>,
    stopped: bool,
    locked: bool,
}

#[derive(Debug, Default, Clone)]
struct Node {
    safe: Vec<u8>,
    live: Vec<u8>,
    pending: Vec<Change>,
}

impl ModelDisk {
    /// An empty disk, of any size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with room for so many bytes.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// Lets the operation of this number go wrong, counted from 1 since the disk was made.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().fault = Some((operation, fault));
    }

    /// Lets the next sync of a file go wrong.
    pub fn fail_sync(&self, fault: Fault) {
        self.state().sync_fault = Some(fault);
    }

    /// How many operations that change something there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Whether it has stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// What may be left when the machine stops now; another seed, another chance.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let nodes = state.nodes.iter().map(|node| node.left(&mut chance));
        let nodes = nodes.collect();
        let mut names = state.safe_names.clone();
        let kept = chance.below(state.pending_names.len() + 1);
        for (name, node) in state.pending_names.iter().take(kept) {
            match node {
                Some(node) => names.insert(name.clone(), *node),
                None => names.remove(name),
            };
        }
        Self(Arc::new(Mutex::new(State {
            safe_names: names.clone(),
            names,
            nodes,
            ..State::default()
        })))
    }

    /// Writes all files into a directory.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn store(&self, dir: &Path) -> io::Result<()> {
        let state = self.state();
        for (name, node) in &state.names {
            let path = dir.join(name);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let node = state.nodes.get(*node);
            std::fs::write(path, node.map_or(&[][..], |node| &node.live))?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one operation; what it is to suffer.
    fn begin(&mut self) -> io::Result<Option<Fault>> {
        if self.stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        self.operations += 1;
        let now = self.fault.filter(|(at, _)| *at == self.operations);
        match now {
            Some((_, fault)) => {
                self.stopped = fault == Fault::Crash;
                Ok(Some(fault))
            }
            None => Ok(None),
        }
    }

    fn used(&self) -> usize {
        let nodes = self.names.values().filter_map(|it| self.nodes.get(*it));
        nodes.map(|node| node.live.len()).sum()
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        let node = self.names.get(name).copied();
        node.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn name(&mut self, name: &str, node: Option<usize>) {
        match node {
            Some(node) => self.names.insert(name.into(), node),
            None => self.names.remove(name),
        };
        self.pending_names.push((name.into(), node));
    }
}

fn failed(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(_) => Err(io::Error::other("the disk fails")),
        None => Ok(()),
    }
}

impl Disk for ModelDisk {
    fn lock(&self) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut state = self.state();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(self.clone())))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = |name: &String| match folder {
            "" => Some(name.clone()),
            folder => Some(name.strip_prefix(folder)?.strip_prefix('/')?.to_owned()),
        };
        let names = state.names.keys().filter_map(inside);
        Ok(names.filter(|name| !name.contains('/')).collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let node = self.state().find(name)?;
        Ok(Box::new(ModelFile(self.clone(), node)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        failed(state.begin()?)?;
        let node = match state.find(name) {
            Ok(node) => {
                if let Some(node) = state.nodes.get_mut(node) {
                    node.change(Change::Length(0));
                }
                node
            }
            Err(_) => {
                let node = state.nodes.len();
                state.nodes.push(Node::default());
                state.name(name, Some(node));
                node
            }
        };
        Ok(Box::new(ModelFile(self.clone(), node)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        failed(state.begin()?)?;
        let node = state.find(from)?;
        // One step: who sees the new name sees the old one gone, and the other way round.
        state.names.remove(from);
        state.name(to, Some(node));
        state.pending_names.push((from.into(), None));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        failed(state.begin()?)?;
        state.find(name)?;
        state.name(name, None);
        Ok(())
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        failed(state.begin()?)?;
        let (safe, pending) = std::mem::take(&mut state.pending_names)
            .into_iter()
            .partition(|(name, _)| super::folder_of(name) == folder);
        state.pending_names = pending;
        let safe: Vec<(String, Option<usize>)> = safe;
        for (name, node) in safe {
            match node {
                Some(node) => state.safe_names.insert(name, node),
                None => state.safe_names.remove(&name),
            };
        }
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        let mut state = self.state();
        failed(state.begin()?)?;
        state.pending_names.clear();
        state.safe_names = state.names.clone();
        for node in &mut state.nodes {
            let pending = std::mem::take(&mut node.pending);
            pending
                .iter()
                .for_each(|change| apply(&mut node.safe, change));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Held(ModelDisk);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

#[derive(Debug)]
struct ModelFile(ModelDisk, usize);

impl ModelFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.0.state();
        let fault = state.begin()?;
        let used = state.used();
        let capacity = state.capacity;
        let node = state.nodes.get_mut(self.1).ok_or(io::ErrorKind::NotFound)?;
        let end = change.end(node.live.len());
        let more = end.saturating_sub(node.live.len());
        if capacity.is_some_and(|capacity| more > 0 && used + more > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match fault {
            None => node.change(change),
            // Some of it may have come so far.
            Some(Fault::Crash) => node.pending.push(change),
            Some(_) => {}
        }
        failed(fault)
    }
}

impl DiskFile for ModelFile {
    fn len(&self) -> io::Result<u64> {
        let state = self.0.state();
        let node = state.nodes.get(self.1).ok_or(io::ErrorKind::NotFound)?;
        Ok(u64::try_from(node.live.len()).unwrap_or(u64::MAX))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.0.state();
        let node = state.nodes.get(self.1).ok_or(io::ErrorKind::NotFound)?;
        let rest = node.live.get(place(offset)?..).unwrap_or_default();
        let pairs = buffer.iter_mut().zip(rest);
        Ok(pairs.map(|(to, from)| *to = *from).count())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(place(offset)?, bytes.into()))
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match self.len()? < length {
            true => self.change(Change::Length(place(length)?)),
            false => Ok(()),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(place(length)?))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.state();
        let fault = state.begin()?.or(state.sync_fault.take());
        let node = state.nodes.get_mut(self.1).ok_or(io::ErrorKind::NotFound)?;
        match fault {
            None => {
                let pending = std::mem::take(&mut node.pending);
                pending
                    .iter()
                    .for_each(|change| apply(&mut node.safe, change));
            }
            Some(Fault::LostSync) => node.pending.clear(),
            Some(_) => {}
        }
        failed(fault)
    }
}

impl Node {
    fn change(&mut self, change: Change) {
        apply(&mut self.live, &change);
        self.pending.push(change);
    }

    /// What a crash leaves of it.
    fn left(&self, chance: &mut Chance) -> Self {
        let mut safe = self.safe.clone();
        for change in &self.pending {
            match change {
                Change::Length(_) if chance.coin() => apply(&mut safe, change),
                Change::Length(_) => {}
                Change::Write(offset, bytes) => tear(&mut safe, *offset, bytes, chance),
            }
        }
        Self {
            live: safe.clone(),
            safe,
            pending: Vec::new(),
        }
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}
