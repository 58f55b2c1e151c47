//! The tree as files, in the layout of C2SP tlog-tiles: for who proves, and who asks.
//!
//! They hold nothing that is not in the segments, so nothing waits for them: full tiles are written
//! behind the group that fills them, partial ones with each checkpoint that is published.

use std::{collections::BTreeSet, io};

use mcpo2_verify::{
    Frontier, Hash, LEAF, TILE_WIDTH, Tile, Tree, entries, leaf_hash, node_hash, write_entry,
};

use crate::{Disk, disk::folder_of};

const WIDTH: usize = TILE_WIDTH as usize;

/// The right edge of the tree, as far as it is in no full tile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tiles {
    size: u64,
    /// The leaves of the last entry bundle.
    bundle: Vec<u8>,
    /// The hashes of the last tile of each level.
    levels: Vec<Vec<Hash>>,
    /// Full tiles that are not written yet.
    full: Vec<(Tile, Vec<u8>)>,
    /// The partial tiles of checkpoints that somebody may ask about, by the sizes of those.
    published: Vec<(u64, Vec<Tile>)>,
    /// The paths of those that may not be safe yet.
    unsafe_yet: Vec<String>,
}

impl Tiles {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes note of a leaf.
    pub(crate) fn push(&mut self, leaf: &[u8; LEAF], hash: Hash) {
        write_entry(&mut self.bundle, leaf);
        self.add(hash);
        if self.size.is_multiple_of(u64::from(TILE_WIDTH)) {
            let bundle = std::mem::take(&mut self.bundle);
            let index = self.size / u64::from(TILE_WIDTH) - 1;
            if let Some(tile) = Tile::new(Tree::Entries, index, TILE_WIDTH) {
                self.full.push((tile, bundle));
            }
        }
    }

    /// Takes note of a leaf of which only the hash is known.
    fn add(&mut self, hash: Hash) {
        self.size += 1;
        let mut hash = hash;
        let mut count = self.size;
        for level in 0.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::with_capacity(WIDTH));
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else {
                return;
            };
            hashes.push(hash);
            if hashes.len() < WIDTH {
                return;
            }
            let whole = std::mem::take(hashes);
            count /= u64::from(TILE_WIDTH);
            if let Some(tile) = Tile::new(Tree::Level(level), count - 1, TILE_WIDTH) {
                self.full.push((tile, whole.concat()));
            }
            hash = root(&whole);
        }
    }

    /// The tree that these tiles and the full ones before them are of.
    pub(crate) fn frontier(&self) -> Option<Frontier> {
        let mut hashes = Vec::new();
        for level in self.levels.iter().rev() {
            let mut rest = level.as_slice();
            while !rest.is_empty() {
                let (subtree, behind) = rest.split_at_checked(1 << rest.len().ilog2())?;
                hashes.push(root(subtree));
                rest = behind;
            }
        }
        Frontier::from_hashes(self.size, hashes).ok()
    }

    /// Writes the tiles that were filled.
    pub(crate) fn write_full(&mut self, disk: &dyn Disk) -> io::Result<()> {
        // One that cannot be written is not forgotten.
        while let Some((tile, bytes)) = self.full.last() {
            let path = write(disk, *tile, bytes)?;
            self.unsafe_yet.push(path);
            self.full.pop();
        }
        Ok(())
    }

    /// Writes the tiles that are not full, for a checkpoint of this size, and makes all safe.
    pub(crate) fn write_partial(&mut self, disk: &dyn Disk) -> io::Result<Vec<Tile>> {
        self.write_full(disk)?;
        let (tiles, paths) = self.partial(disk)?;
        self.unsafe_yet.extend(paths);
        make_safe(disk, &self.unsafe_yet)?;
        self.unsafe_yet.clear();
        Ok(tiles)
    }

    fn partial(&self, disk: &dyn Disk) -> io::Result<(Vec<Tile>, Vec<String>)> {
        let (mut tiles, mut paths) = (Vec::new(), Vec::new());
        let mut put = |tree, there: usize, bytes: &[u8], level: u32| -> io::Result<()> {
            let index = self.size.checked_shr(8 * (level + 1)).unwrap_or_default();
            let width = u16::try_from(there).unwrap_or_default();
            if let Some(tile) = Tile::new(tree, index, width) {
                paths.push(write(disk, tile, bytes)?);
                tiles.push(tile);
            }
            Ok(())
        };
        let leaves = self.bundle.len() / (LEAF + 2);
        put(Tree::Entries, leaves, &self.bundle, 0)?;
        for (level, hashes) in (0_u8..).zip(&self.levels) {
            let bytes = hashes.concat();
            put(Tree::Level(level), hashes.len(), &bytes, level.into())?;
        }
        Ok((tiles, paths))
    }

    /// Keeps in mind the partial tiles of a checkpoint.
    pub(crate) fn keep(&mut self, tiles: Vec<Tile>) {
        self.published.push((self.size, tiles));
    }

    /// Removes partial tiles that no checkpoint of this size or a larger one has a use for.
    pub(crate) fn forget_before(&mut self, disk: &dyn Disk, size: u64) {
        let (old, kept) = std::mem::take(&mut self.published)
            .into_iter()
            .partition(|(of, _)| *of < size);
        self.published = kept;
        let old: Vec<(u64, Vec<Tile>)> = old;
        for tile in old.iter().flat_map(|(_, tiles)| tiles) {
            if !self.is_kept(tile) {
                // One that stays does no harm.
                let _ = disk.remove(&tile.path());
            }
        }
    }

    fn is_kept(&self, tile: &Tile) -> bool {
        let mut kept = self.published.iter();
        kept.any(|(_, tiles)| tiles.contains(tile))
    }

    /// Removes what an interrupted publishing left, up to a tree of this size.
    pub(crate) fn tidy(&self, disk: &dyn Disk, size: u64) -> io::Result<()> {
        let trees = (0..8).map(Tree::Level).chain([Tree::Entries]);
        for tree in trees {
            let shift = match tree {
                Tree::Level(level) => 8 * (u32::from(level) + 1),
                _ => 8,
            };
            let index = |size: u64| size.checked_shr(shift).unwrap_or_default();
            for index in index(self.size)..=index(size) {
                let Some(one) = Tile::new(tree, index, 1) else {
                    continue;
                };
                let path = one.path();
                let folder = path.strip_suffix("/1").unwrap_or_default();
                for name in disk.list(folder)? {
                    let path = format!("{folder}/{name}");
                    let kept = self.published.iter().flat_map(|(_, tiles)| tiles);
                    if !kept.into_iter().any(|tile| tile.path() == path) {
                        disk.remove(&path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The right edge of a tree of this size, from its full tiles alone, which stand in for segments
    /// that are gone.
    pub(crate) fn rebuild(disk: &dyn Disk, size: u64) -> io::Result<Self> {
        let mut tiles = Self::default();
        let read = |tree| -> io::Result<Vec<u8>> {
            let index = tiles_below(size);
            let tile = Tile::new(tree, index, TILE_WIDTH).ok_or(io::ErrorKind::InvalidData)?;
            disk.read(&tile.path(), 1 << 20)
        };
        for index in 0..tiles_below(size) {
            let tile = Tile::new(Tree::Level(0), index, TILE_WIDTH);
            let path = tile.ok_or(io::ErrorKind::InvalidData)?.path();
            let bytes = disk.read(&path, 1 << 20)?;
            bytes.as_chunks().0.iter().for_each(|hash| tiles.add(*hash));
        }
        if tiles.size < size {
            let bundle = read(Tree::Entries)?;
            let leaves = entries(&bundle).ok_or(io::ErrorKind::InvalidData)?;
            let missing = usize::try_from(size - tiles.size).unwrap_or_default();
            for leaf in leaves.into_iter().take(missing) {
                tiles.push(leaf, leaf_hash(leaf));
            }
        }
        // They are there already.
        tiles.full.clear();
        Ok(tiles)
    }

    /// The right edge of a tree of this size, from its files; none where they are not all there.
    pub(crate) fn load(disk: &dyn Disk, size: u64) -> io::Result<Option<Self>> {
        let mut tiles = Self {
            size,
            ..Self::default()
        };
        let read = |tree, level: u32, entry: usize| -> io::Result<Option<(Tile, Vec<u8>)>> {
            let index = size.checked_shr(8 * (level + 1)).unwrap_or_default();
            let width = (size.checked_shr(8 * level).unwrap_or_default()) % u64::from(TILE_WIDTH);
            let width = u16::try_from(width).unwrap_or_default();
            let Some(tile) = Tile::new(tree, index, width) else {
                return Ok(None);
            };
            let length = entry * usize::from(width);
            let full = Tile::new(tree, index, TILE_WIDTH).map(Tile::path);
            for path in [Some(tile.path()), full].into_iter().flatten() {
                match disk.read(&path, 1 << 20) {
                    Ok(mut bytes) if bytes.len() >= length => {
                        bytes.truncate(length);
                        return Ok(Some((tile, bytes)));
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Err(io::ErrorKind::NotFound.into())
        };
        let mut levels = (0_u8..8).map(|level| (Tree::Level(level), u32::from(level), 32));
        let mut parts = Vec::new();
        for (tree, level, entry) in std::iter::once((Tree::Entries, 0, LEAF + 2)).chain(&mut levels)
        {
            match read(tree, level, entry) {
                Ok(part) => parts.push(part),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let mut parts = parts.into_iter();
        let mut published = Vec::new();
        if let Some((tile, bytes)) = parts.next().flatten() {
            tiles.bundle = bytes;
            published.push(tile);
        }
        for part in parts {
            let (hashes, tile) = match part {
                Some((tile, bytes)) => (bytes.as_chunks().0.to_vec(), Some(tile)),
                None => (Vec::new(), None),
            };
            tiles.levels.push(hashes);
            published.extend(tile);
        }
        tiles.keep(published);
        Ok(Some(tiles))
    }
}

fn tiles_below(size: u64) -> u64 {
    size / u64::from(TILE_WIDTH)
}

/// The root of these hashes, whose number is a power of two.
fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => [0; 32],
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

/// More files than this are made safe all at once.
const MANY: usize = 64;

fn make_safe(disk: &dyn Disk, paths: &[String]) -> io::Result<()> {
    if paths.len() > MANY {
        return disk.sync_all();
    }
    for path in paths {
        disk.open(path)?.sync()?;
    }
    let folders: BTreeSet<&str> = paths.iter().map(|path| folder_of(path)).collect();
    folders
        .into_iter()
        .try_for_each(|folder| disk.sync_dir(folder))
}

fn write(disk: &dyn Disk, tile: Tile, bytes: &[u8]) -> io::Result<String> {
    let path = tile.path();
    disk.create(&path)?.write_all_at(bytes, 0)?;
    Ok(path)
}
