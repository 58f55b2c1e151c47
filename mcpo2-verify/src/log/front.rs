//! What stands in for segments that retention removed: the lowest tiles, and leaves where they are.

use crate::{Hash, LEAF, Leaf, TILE_WIDTH, Tree, chain_next, entries, leaf_hash};

use super::{Attack, Files, Finding, clock::Times, files, tiles::files_of, walk::Walk};

/// What the leaves before the first segment lead to, as far as they are there.
#[derive(Debug, Default)]
struct Leaves {
    chain: Option<Hash>,
    before: Option<Times>,
}

impl<F: Files + ?Sized> Walk<'_, F> {
    /// Walks the tiles of the records below `first`.
    pub(super) fn front(&mut self, first: u64) -> Result<(), Finding> {
        let width = u64::from(TILE_WIDTH);
        let mut leaves = Leaves {
            chain: Some([0; 32]),
            before: None,
        };
        while self.state.next < first {
            let index = self.state.next / width;
            let count = (first - self.state.next).min(width);
            let count = usize::try_from(count).unwrap_or(0);
            let (hashes, bundle) = self.stand_ins(index, count)?;
            let (hashes, _) = hashes.as_chunks();
            for (at, hash) in hashes.iter().take(count).enumerate() {
                let leaf = bundle.as_ref().and_then(|bundle| entry(bundle, at));
                leaves.take(self.state.next, leaf, hash)?;
                let wall = leaves.before.map(Times::wall_ns);
                self.push(leaf, *hash, wall)?;
            }
        }
        self.state.before = leaves.before;
        self.state.chain = leaves.chain;
        Ok(())
    }

    /// The hashes of a tile, and the leaves where they are there.
    fn stand_ins(&self, index: u64, count: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), Finding> {
        let missing = || {
            let why = "segments are missing, and no tile stands in for them";
            Finding::new(Attack::Removed, why).seq_at(self.state.next)
        };
        let hashes = stand_in(self.ledger, Tree::Level(0), index, count * 32)?;
        let hashes = hashes.ok_or_else(missing)?;
        let bundle = stand_in(self.ledger, Tree::Entries, index, count * (LEAF + 2))?;
        if bundle.as_ref().is_some_and(|it| entries(it).is_none()) {
            let why = "an entry bundle has something else than leaves";
            return Err(Finding::new(Attack::Edited, why).seq_at(self.state.next));
        }
        Ok((hashes, bundle))
    }
}

impl Leaves {
    fn take(&mut self, seq: u64, leaf: Option<&[u8; LEAF]>, hash: &Hash) -> Result<(), Finding> {
        let Some(bytes) = leaf else {
            *self = Self::default();
            return Ok(());
        };
        let edited = |why| Finding::new(Attack::Edited, why).seq_at(seq);
        if leaf_hash(bytes) != *hash {
            return Err(edited("an entry bundle and a tile do not agree"));
        }
        let leaf = Leaf::decode(bytes).map_err(|error| edited("a leaf is none").of(error))?;
        if leaf.seq != seq {
            return Err(edited("a leaf has another number"));
        }
        if self.chain.is_some_and(|chain| chain != leaf.prev_chain) {
            return Err(edited("a leaf does not continue the chain"));
        }
        if let Some(why) = self.before.and_then(|before| before.wrong(&leaf)) {
            return Err(Finding::new(Attack::Clock, why).seq_at(seq));
        }
        self.chain = Some(chain_next(&leaf.prev_chain, bytes));
        self.before = Some(Times::of(&leaf));
        Ok(())
    }
}

/// The fullest file of a tile, if it has `bytes` bytes.
fn stand_in<F: Files + ?Sized>(
    ledger: &F,
    tree: Tree,
    index: u64,
    bytes: usize,
) -> Result<Option<Vec<u8>>, Finding> {
    for tile in files_of(ledger, tree, index)? {
        let content = files::read(ledger, &tile.path(), 1 << 16)?;
        if content.as_ref().is_some_and(|it| it.len() >= bytes) {
            return Ok(content);
        }
    }
    Ok(None)
}

fn entry(bundle: &[u8], at: usize) -> Option<&[u8; LEAF]> {
    let from = at.checked_mul(LEAF + 2)?.checked_add(2)?;
    bundle.get(from..)?.first_chunk()
}
