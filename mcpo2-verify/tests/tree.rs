//! The tree is that of RFC 6962: known roots, and the same roots, proofs and tiles as two other
//! implementations have.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{collections::BTreeMap, io};

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use mcpo2_verify::{
    Frontier, Hash, Hashes, TILE_WIDTH, Tile, TileHashes, Tree, TreeError, empty_root, entries,
    leaf_hash, new_tiles, node_hash, prove_consistency, prove_inclusion, verify_consistency,
    verify_inclusion, write_entry,
};
use proptest::prelude::*;
use sha2::Sha256;
use tlog_tiles::tlog;

/// All hashes of complete subtrees, by level and index.
#[derive(Default)]
struct Memory(Vec<Vec<Hash>>);

impl Memory {
    fn of(leaves: &[Vec<u8>]) -> Self {
        let mut levels = vec![
            leaves
                .iter()
                .map(|leaf| leaf_hash(leaf))
                .collect::<Vec<_>>(),
        ];
        while levels[levels.len() - 1].len() > 1 {
            let below = levels[levels.len() - 1].chunks_exact(2);
            levels.push(below.map(|pair| node_hash(&pair[0], &pair[1])).collect());
        }
        Self(levels)
    }
}

impl Hashes for Memory {
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash> {
        let level = self.0.get(usize::try_from(level).unwrap());
        let hash = level.and_then(|level| level.get(usize::try_from(index).unwrap()));
        hash.copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl tlog::HashReader for Memory {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog_tiles::Error> {
        let read = |index: &u64| {
            let (level, index) = tlog::split_stored_hash_index(*index);
            tlog::Hash(self.hash(level.into(), index).unwrap())
        };
        Ok(indexes.iter().map(read).collect())
    }
}

fn leaves(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_be_bytes().to_vec()).collect()
}

fn frontier(leaves: &[Vec<u8>]) -> Frontier {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(leaf_hash(leaf));
    }
    frontier
}

fn hash(hex: &str) -> Hash {
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

#[test]
fn roots_are_those_of_the_reference() {
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::new().root(), hash(empty));
    assert_eq!(empty_root(), hash(empty));
    let mut frontier = Frontier::new();
    for (leaf, root) in leaves.iter().zip(roots) {
        frontier.push(leaf_hash(leaf));
        assert_eq!(frontier.root(), hash(root));
    }
}

#[test]
fn every_proof_of_small_trees_holds_and_no_other() {
    let all = leaves(40);
    let memory = Memory::of(&all);
    let roots: Vec<_> = (0..=all.len())
        .map(|n| frontier(&all[..n]).root())
        .collect();
    for size in 0..=40_u64 {
        let root = &roots[usize::try_from(size).unwrap()];
        for index in 0..size {
            let leaf = leaf_hash(&index.to_be_bytes());
            let proof = prove_inclusion(&memory, index, size).unwrap();
            assert_eq!(verify_inclusion(index, size, &leaf, &proof, root), Ok(()));
            for other in (0..=size).filter(|other| *other != index) {
                assert!(verify_inclusion(other, size, &leaf, &proof, root).is_err());
            }
            for other in index + 1..=40 {
                let other_root = &roots[usize::try_from(other).unwrap()];
                let holds = verify_inclusion(index, other, &leaf, &proof, other_root).is_ok();
                assert_eq!(holds, other == size);
            }
        }
        assert!(prove_inclusion(&memory, size, size).is_err());
        for old in 0..=size {
            let old_root = &roots[usize::try_from(old).unwrap()];
            let proof = prove_consistency(&memory, old, size).unwrap();
            let check = |proof: &[Hash]| verify_consistency(old, old_root, size, root, proof);
            assert_eq!(check(&proof), Ok(()), "{old} {size}");
            assert!(verify_consistency(old, &[0; 32], size, root, &proof).is_err());
            let forged = verify_consistency(old, old_root, size, &[0; 32], &proof);
            assert_eq!(forged.is_err(), old != 0 || size == 0, "{old} {size}");
            let mut longer = proof.clone();
            longer.push([0; 32]);
            assert!(check(&longer).is_err());
            if let [shorter @ .., _] = &proof[..] {
                assert!(check(shorter).is_err());
            }
        }
        assert!(prove_consistency(&memory, size + 1, size).is_err());
    }
    assert_eq!(
        verify_consistency(2, &roots[2], 1, &roots[1], &[]),
        Err(TreeError::Size)
    );
}

proptest! {
    #[test]
    fn two_others_have_the_same_root_and_proofs(size in 1..700_u64, index in 0..700_u64, old in 1..700_u64) {
        let (index, old) = (index % size, 1 + old % size);
        let all = leaves(size);
        let memory = Memory::of(&all);
        let root = frontier(&all).root();
        let old_root = frontier(&all[..usize::try_from(old).unwrap()]).root();
        let leaf = index.to_be_bytes().to_vec();

        let inclusion = prove_inclusion(&memory, index, size).unwrap();
        let consistency = prove_consistency(&memory, old, size).unwrap();
        prop_assert_eq!(verify_inclusion(index, size, &leaf_hash(&leaf), &inclusion, &root), Ok(()));
        prop_assert_eq!(verify_consistency(old, &old_root, size, &root, &consistency), Ok(()));

        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        all.iter().for_each(|leaf| other.push(leaf.clone()));
        let other_root = RootHash::<Sha256>::new(root.into(), size);
        let theirs = other.root();
        prop_assert_eq!(theirs.as_bytes().as_slice(), &root[..]);
        let proof = InclusionProof::<Sha256>::try_from_bytes(inclusion.concat()).unwrap();
        prop_assert!(other_root.verify_inclusion(&leaf, index, &proof).is_ok());
        let theirs = other.prove_inclusion(usize::try_from(index).unwrap());
        prop_assert_eq!(theirs.as_bytes(), inclusion.concat());
        if old < size {
            let theirs: ConsistencyProof<Sha256> =
                other.prove_consistency(usize::try_from(size - old).unwrap());
            prop_assert_eq!(theirs.as_bytes(), consistency.concat());
        }

        prop_assert_eq!(tlog::tree_hash(size, &memory).unwrap(), tlog::Hash(root));
        let record: Vec<_> = inclusion.iter().map(|hash| tlog::Hash(*hash)).collect();
        prop_assert_eq!(tlog::prove_record(size, index, &memory).unwrap(), record.clone());
        let theirs = tlog::record_hash(&leaf);
        prop_assert!(tlog::check_record(&record, size, tlog::Hash(root), index, theirs).is_ok());
        let tree: Vec<_> = consistency.iter().map(|hash| tlog::Hash(*hash)).collect();
        prop_assert_eq!(tlog::prove_tree(size, old, &memory).unwrap(), tree.clone());
        prop_assert!(tlog::check_tree(&tree, size, tlog::Hash(root), old, tlog::Hash(old_root)).is_ok());
    }

    #[test]
    fn a_touched_proof_proves_nothing(size in 2..300_u64, index in 0..300_u64, at in 0..9_usize, byte in 0..32_usize) {
        let index = index % size;
        let all = leaves(size);
        let root = frontier(&all).root();
        let mut proof = prove_inclusion(&Memory::of(&all), index, size).unwrap();
        let at = at % proof.len();
        proof[at][byte] ^= 1;
        let leaf = leaf_hash(&index.to_be_bytes());
        prop_assert_eq!(verify_inclusion(index, size, &leaf, &proof, &root), Err(TreeError::Root));
    }

    #[test]
    fn a_frontier_goes_on_where_it_was_left(size in 0..300_u64, at in 0..300_u64) {
        let all = leaves(size);
        let at = usize::try_from(at % (size + 1)).unwrap();
        let left = frontier(&all[..at]);
        let mut right = Frontier::from_hashes(left.size(), left.hashes().to_vec()).unwrap();
        all[at..].iter().for_each(|leaf| right.push(leaf_hash(leaf)));
        prop_assert_eq!(right, frontier(&all));
        let more = [left.hashes(), &[[0; 32]]].concat();
        prop_assert_eq!(Frontier::from_hashes(left.size(), more), Err(TreeError::Length));
    }

    #[test]
    fn tiles_hold_the_tree_and_are_named_as_by_others(sizes in prop::collection::vec(0..400_u64, 1..5)) {
        let mut files = BTreeMap::new();
        let mut size = 0;
        for more in sizes {
            let memory = Memory::of(&leaves(size + more));
            let tiles = new_tiles(size, size + more);
            for tile in tiles.iter().filter(|tile| tile.tree() != Tree::Entries) {
                files.insert(tile.path(), tile.read_hashes(&memory).unwrap());
            }
            let hashes = tiles.iter().filter(|tile| tile.tree() != Tree::Entries);
            let ours: Vec<_> = hashes.map(|tile| tile.path()).collect();
            let theirs = tlog_tiles::Tile::new_tiles(8, size, size + more);
            let theirs: Vec<_> = theirs.iter().map(|tile| tile.path().replacen("tile/8/", "tile/", 1)).collect();
            prop_assert_eq!(ours, theirs);
            size += more;
        }
        let memory = Memory::of(&leaves(size));
        let read = |tile: Tile| files.get(&tile.path()).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
        let tiles = TileHashes::new(size, read);
        for (level, hashes) in memory.0.iter().enumerate() {
            for (index, hash) in hashes.iter().enumerate() {
                let read = tiles.hash(level.try_into().unwrap(), index.try_into().unwrap());
                prop_assert_eq!(read.unwrap(), *hash);
            }
            let beyond = tiles.hash(level.try_into().unwrap(), hashes.len().try_into().unwrap());
            prop_assert!(beyond.is_err());
        }
    }

    #[test]
    fn a_tile_has_one_path(level in 0..9_u8, index in any::<u64>(), width in 0..300_u16, shift in 0..64_u32) {
        for tree in [Tree::Entries, Tree::Level(level)] {
            if let Some(tile) = Tile::new(tree, index >> shift, width) {
                prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
            }
        }
    }
}

#[test]
fn only_the_canonical_path_names_a_tile() {
    let tile = Tile::new(Tree::Level(0), 1_234_067, TILE_WIDTH).unwrap();
    assert_eq!(tile.path(), "tile/0/x001/x234/067");
    let tile = Tile::new(Tree::Entries, 3, 17).unwrap();
    assert_eq!(tile.path(), "tile/entries/003.p/17");
    for path in [
        "tile/0/1",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/8/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/007",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/entries/",
        "tile/0/+01",
        "tile/7/001",
        "/tile/0/001",
    ] {
        assert_eq!(Tile::parse(path), None, "{path}");
    }
    assert!(Tile::new(Tree::Level(7), 0, 1).is_some());
}

#[test]
fn tiles_that_lie_about_their_length_are_errors() {
    for length in [0, 31, 32, 63] {
        let tiles = TileHashes::new(2, |_| Ok(vec![0; length]));
        assert!(tiles.hash(1, 0).is_err());
        assert!(tiles.hash(64, 0).is_err());
        assert!(tiles.hash(u32::MAX, u64::MAX).is_err());
    }
}

#[test]
fn entry_bundles_hold_leaves_and_nothing_else() {
    let mut bundle = Vec::new();
    write_entry(&mut bundle, &[1; 152]);
    write_entry(&mut bundle, &[2; 152]);
    assert_eq!(entries(&bundle), Some(vec![&[1; 152], &[2; 152]]));
    assert_eq!(entries(&[]), Some(vec![]));
    assert_eq!(entries(&bundle[1..]), None);
    assert_eq!(entries(&bundle[..bundle.len() - 1]), None);
}
