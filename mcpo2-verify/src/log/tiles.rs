use crate::{Hash, LEAF, TILE_WIDTH, Tile, Tree, node_hash, write_entry};

use super::{Attack, Files, Finding, files};

/// The longest that an entry bundle is, and more than any tile.
const MOST: u64 = 256 * 154;
const ENTRY: usize = 2 + LEAF;
const HASH: usize = 32;

/// Holds the tiles that are there against the leaves that the walk meets.
pub(super) struct Tiles<'a, F: ?Sized> {
    ledger: &'a F,
    entries: Run,
    levels: Vec<Run>,
    checked: u64,
    torn: u64,
}

/// What is known of a tile: a run of its entries or hashes that begins with the `start`-th of the
/// level.
#[derive(Debug, Default)]
struct Run {
    start: u64,
    bytes: Vec<u8>,
}

impl<'a, F: Files + ?Sized> Tiles<'a, F> {
    pub(super) fn new(ledger: &'a F) -> Self {
        Self {
            ledger,
            entries: Run::default(),
            levels: Vec::new(),
            checked: 0,
            torn: 0,
        }
    }

    /// Takes the next leaf, of which only the hash may be known.
    pub(super) fn push(
        &mut self,
        seq: u64,
        leaf: Option<&[u8; LEAF]>,
        hash: Hash,
    ) -> Result<(), Finding> {
        match leaf {
            Some(leaf) => {
                self.entries.begin(seq);
                write_entry(&mut self.entries.bytes, leaf);
            }
            None => self.entries.bytes.clear(),
        }
        if is_last(seq) {
            let run = std::mem::take(&mut self.entries);
            self.check(Tree::Entries, seq, &run, ENTRY)?;
        }
        self.climb(seq, hash)
    }

    fn climb(&mut self, seq: u64, hash: Hash) -> Result<(), Finding> {
        let (mut index, mut hash) = (seq, hash);
        for level in 0_u8..=7 {
            let at = usize::from(level);
            if self.levels.len() <= at {
                self.levels.push(Run::default());
            }
            let Some(run) = self.levels.get_mut(at) else {
                break;
            };
            run.begin(index);
            run.bytes.extend_from_slice(&hash);
            if !is_last(index) {
                break;
            }
            let run = std::mem::take(run);
            self.check(Tree::Level(level), index, &run, HASH)?;
            let Some(root) = run.root() else { break };
            (index, hash) = (index / u64::from(TILE_WIDTH), root);
        }
        Ok(())
    }

    /// Holds the tiles that are partial against what is known, and says how many agreed in all and
    /// how many were not whole.
    pub(super) fn finish(mut self) -> Result<(u64, u64), Finding> {
        let entries = std::mem::take(&mut self.entries);
        self.check(Tree::Entries, entries.last(ENTRY), &entries, ENTRY)?;
        let levels = std::mem::take(&mut self.levels);
        for (level, run) in (0_u8..).zip(&levels) {
            self.check(Tree::Level(level), run.last(HASH), run, HASH)?;
        }
        Ok((self.checked, self.torn))
    }

    /// Compares each file of the tile in which `last` stands with what is known up to there.
    fn check(&mut self, tree: Tree, last: u64, run: &Run, size: usize) -> Result<(), Finding> {
        let width = u64::from(TILE_WIDTH);
        if run.bytes.is_empty() {
            return Ok(());
        }
        let index = last / width;
        let unknown = usize::try_from(run.start % width).unwrap_or(0);
        for tile in files_of(self.ledger, tree, index)? {
            if u64::from(tile.width()) > last % width + 1 {
                continue;
            }
            let Some(bytes) = files::read(self.ledger, &tile.path(), MOST + 1)? else {
                continue;
            };
            if bytes.len() != usize::from(tile.width()).saturating_mul(size) {
                // tiles need not be on the disk when a record is: a crash may tear one
                self.torn = self.torn.saturating_add(1);
                continue;
            }
            let known = bytes
                .get(unknown.saturating_mul(size)..)
                .unwrap_or_default();
            if !run.bytes.starts_with(known) {
                let why = format!("{} does not hold what was recorded", tile.path());
                return Err(Finding::new(Attack::Edited, why));
            }
            self.checked = self.checked.saturating_add(1);
        }
        Ok(())
    }
}

impl Run {
    fn begin(&mut self, index: u64) {
        if self.bytes.is_empty() {
            self.start = index;
        }
    }

    /// The index of the last that is known, if one is.
    fn last(&self, size: usize) -> u64 {
        let known = u64::try_from(self.bytes.len() / size).unwrap_or(0);
        self.start.saturating_add(known).saturating_sub(1)
    }

    /// The root of a whole tile of hashes.
    fn root(&self) -> Option<Hash> {
        let (hashes, _) = self.bytes.as_chunks::<HASH>();
        let mut hashes = hashes.to_vec();
        if hashes.len() != usize::from(TILE_WIDTH) {
            return None;
        }
        while hashes.len() > 1 {
            let (pairs, _) = hashes.as_chunks();
            hashes = pairs.iter().map(|[l, r]| node_hash(l, r)).collect();
        }
        hashes.pop()
    }
}

fn is_last(index: u64) -> bool {
    index % u64::from(TILE_WIDTH) == u64::from(TILE_WIDTH) - 1
}

/// The files that may hold a tile, full or in part, the fullest first.
pub(super) fn files_of<F: Files + ?Sized>(
    ledger: &F,
    tree: Tree,
    index: u64,
) -> Result<Vec<Tile>, Finding> {
    let Some(full) = Tile::new(tree, index, TILE_WIDTH) else {
        return Ok(Vec::new());
    };
    let widths = files::list(ledger, &format!("{}.p", full.path()))?;
    let mut tiles = vec![full];
    for width in widths {
        let path = format!("{}.p/{width}", full.path());
        tiles.extend(Tile::parse(&path));
    }
    tiles.sort_unstable_by_key(|tile| std::cmp::Reverse(tile.width()));
    Ok(tiles)
}
