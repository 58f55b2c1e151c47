use std::io;

use crate::{Hash, Hashes, LEAF, bytes::Bytes, node_hash};

/// How many hashes a full tile has.
pub const TILE_WIDTH: u16 = 256;
/// The levels of a tree that one level of tiles spans.
const HEIGHT: u32 = 8;
/// No tree has a tile above this level.
const TOP: u8 = 7;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tree {
    /// The leaves themselves, as an entry bundle.
    Entries,
    /// Hashes of this level of tiles, the lowest being 0.
    Level(u8),
}

/// The name of a part of a tree that is a file: [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    tree: Tree,
    index: u64,
    width: u16,
}

/// The hashes of a tree of `size` leaves, read from its tiles.
///
/// `read` gives the content of a tile; where only a fuller one is there, more than it was asked
/// for is as good.
#[derive(Debug, Clone)]
pub struct TileHashes<R> {
    size: u64,
    read: R,
}

impl Tile {
    /// A tile of `width` entries, the `index`-th of its level.
    ///
    /// `None` where there is no such tile.
    #[must_use]
    pub fn new(tree: Tree, index: u64, width: u16) -> Option<Self> {
        let level = match tree {
            Tree::Entries => 0,
            Tree::Level(level) if level <= TOP => u32::from(level),
            Tree::Level(_) => return None,
        };
        // no tree has so many leaves that a number could be too large for this
        let most = u64::MAX.checked_shr((level + 1) * HEIGHT).unwrap_or(0);
        let known = index <= most && (1..=TILE_WIDTH).contains(&width);
        known.then_some(Self { tree, index, width })
    }

    /// What it holds.
    #[must_use]
    pub const fn tree(self) -> Tree {
        self.tree
    }

    /// Its number among those of its level.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or leaves it has, from 1 to 256.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether it will never grow.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Its path below the ledger: `tile/0/x001/234/067`, or `tile/entries/003.p/17`.
    #[must_use]
    pub fn path(self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let mut path = match self.tree {
            Tree::Entries => format!("tile/entries/{number}"),
            Tree::Level(level) => format!("tile/{level}/{number}"),
        };
        if !self.is_full() {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// The tile with this path; `None` where [`path`](Self::path) gives no such thing.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (tree, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let tree = match tree {
            "entries" => Tree::Entries,
            level => Tree::Level(level.parse().ok()?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok()?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for part in number.split('/') {
            let digits: u16 = part.strip_prefix('x').unwrap_or(part).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits.into())?;
        }
        Self::new(tree, index, width).filter(|tile| tile.path() == path)
    }

    /// The content of a tile of hashes, from wherever hashes are read.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an entry bundle, and what `hashes` says.
    pub fn read_hashes(self, hashes: &impl Hashes) -> io::Result<Vec<u8>> {
        let Tree::Level(level) = self.tree else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let level = u32::from(level) * HEIGHT;
        let first = self.index << HEIGHT;
        let mut out = Vec::with_capacity(usize::from(self.width) * 32);
        for behind in 0..u64::from(self.width) {
            out.extend_from_slice(&hashes.hash(level, first | behind)?);
        }
        Ok(out)
    }
}

impl<R: Fn(Tile) -> io::Result<Vec<u8>>> TileHashes<R> {
    /// The hashes of the first `size` leaves.
    pub const fn new(size: u64, read: R) -> Self {
        Self { size, read }
    }
}

impl<R: Fn(Tile) -> io::Result<Vec<u8>>> Hashes for TileHashes<R> {
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash> {
        let (tile_level, within) = (level / HEIGHT, level % HEIGHT);
        let there = self.size.checked_shr(tile_level * HEIGHT).unwrap_or(0);
        if index >= there >> within {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let first = index << within;
        let tile_index = first >> HEIGHT;
        let width = there - (tile_index << HEIGHT);
        let width = u16::try_from(width).map_or(TILE_WIDTH, |width| width.min(TILE_WIDTH));
        let tile_level = u8::try_from(tile_level).ok();
        let tile = tile_level.and_then(|level| Tile::new(Tree::Level(level), tile_index, width));
        let bytes = (self.read)(tile.ok_or(io::ErrorKind::InvalidInput)?)?;
        let from = usize::try_from(first % u64::from(TILE_WIDTH)).ok();
        let hashes = from.and_then(|from| bytes.get(from * 32..(from + (1 << within)) * 32));
        let (hashes, _) = hashes.ok_or(io::ErrorKind::UnexpectedEof)?.as_chunks();
        fold(hashes.to_vec()).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// The root of a complete subtree of these leaves, whose number is a power of two.
fn fold(mut hashes: Vec<Hash>) -> Option<Hash> {
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks();
        hashes = pairs.iter().map(|[l, r]| node_hash(l, r)).collect();
    }
    hashes.pop()
}

/// The tiles that a tree has to write when it grows from `old` to `new` leaves: those it
/// completes, and those that stay partial, entry bundles first and then from the lowest level.
#[must_use]
pub fn new_tiles(old: u64, new: u64) -> Vec<Tile> {
    let mut tiles = grown(Tree::Entries, old, new);
    for level in 0..=TOP {
        let shift = u32::from(level) * HEIGHT;
        tiles.extend(grown(Tree::Level(level), old >> shift, new >> shift));
    }
    tiles
}

fn grown(tree: Tree, old: u64, new: u64) -> Vec<Tile> {
    if new <= old {
        return Vec::new();
    }
    let full = (old >> HEIGHT..new >> HEIGHT).map(|index| (index, TILE_WIDTH));
    let width = u16::try_from(new % u64::from(TILE_WIDTH)).unwrap_or(0);
    full.chain([(new >> HEIGHT, width)])
        .filter_map(|(index, width)| Tile::new(tree, index, width))
        .collect()
}

/// Appends a leaf to an entry bundle.
pub fn write_entry(out: &mut Vec<u8>, leaf: &[u8; LEAF]) {
    // the one length here whose number begins with its large end, as tlog-tiles has it
    out.extend_from_slice(&[0, 152]);
    out.extend_from_slice(leaf);
}

/// The leaves of an entry bundle; `None` where it has anything else.
#[must_use]
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8; LEAF]>> {
    let mut bytes = Bytes(bundle);
    let mut leaves = Vec::new();
    while !bytes.is_empty() {
        bytes.array().filter(|length| **length == [0, 152])?;
        leaves.push(bytes.array()?);
    }
    Some(leaves)
}
