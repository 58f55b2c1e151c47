//! Proofs for outsiders, from the published tree.

use std::{io, path::Path};

use mcpo2_verify::{
    Hash, Tile, TileHashes, checkpoint::SignedCheckpoint, proof::Proof, prove_consistency,
    prove_inclusion, segment_name,
};

use crate::{DirDisk, Disk, ReadError, read::committed, recover, vault::Keys};

const MAX_CHECKPOINT: u64 = 64 * 1024;
const MAX_TILE: u64 = 1 << 20;

/// What shows one record to somebody who has only public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// A `.tlog-proof`: that the record stands in the published tree.
    pub proof: Proof,
    /// The body of the record, as it is hashed: what is public, and commitments.
    pub body: Vec<u8>,
    /// What is personal, each by itself to be disclosed or not: none that was erased.
    pub fields: Vec<Disclosure>,
}

/// What opens one commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disclosure {
    /// The JSON pointer to it.
    pub path: String,
    /// What nobody can guess.
    pub salt: [u8; 32],
    /// The value, as JSON.
    pub value: String,
}

/// Why something cannot be proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The checkpoint or a tile cannot be read.
    #[error("the published tree cannot be read")]
    Tree(#[from] io::Error),
    /// The record is not there, or stands behind the newest checkpoint that was published.
    #[error("record {seq} is not among the {size} of the published checkpoint")]
    Beyond {
        /// The number of the record.
        seq: u64,
        /// The size of the tree that is published.
        size: u64,
    },
    /// The record was removed, as a retention record says.
    #[error("record {seq} is not kept any more")]
    Removed {
        /// The number of the record.
        seq: u64,
    },
}

/// What proves the record of this number.
///
/// # Errors
///
/// Where it is not there, or its tree is not published yet: see
/// [`Ledger::publish`](crate::Ledger::publish).
pub fn prove(dir: impl AsRef<Path>, seq: u64) -> Result<Evidence, ProveError> {
    let disk = DirDisk::existing(dir.as_ref());
    let checkpoint = published(&disk)?;
    let size = checkpoint.checkpoint().size();
    if seq >= size {
        return Err(ProveError::Beyond { seq, size });
    }
    let path = prove_inclusion(&hashes(&disk, size), seq, size)?;
    let (leaf, body, fields) = find(&disk, seq)?;
    Ok(Evidence {
        proof: Proof::new(seq, path, checkpoint).with_extra(&leaf),
        body,
        fields,
    })
}

/// The newest published checkpoint, and the hashes which prove that it has all of a smaller tree.
///
/// # Errors
///
/// Where the published tree cannot be read, or is smaller.
pub fn prove_since(
    dir: impl AsRef<Path>,
    old_size: u64,
) -> Result<(SignedCheckpoint, Vec<Hash>), ProveError> {
    let disk = DirDisk::existing(dir.as_ref());
    let checkpoint = published(&disk)?;
    let size = checkpoint.checkpoint().size();
    let proof = prove_consistency(&hashes(&disk, size), old_size, size)?;
    Ok((checkpoint, proof))
}

fn published(disk: &dyn Disk) -> io::Result<SignedCheckpoint> {
    let note = disk.read("checkpoint", MAX_CHECKPOINT)?;
    SignedCheckpoint::parse(&note).map_err(io::Error::other)
}

fn hashes(disk: &DirDisk, size: u64) -> TileHashes<impl Fn(Tile) -> io::Result<Vec<u8>>> {
    TileHashes::new(size, move |tile: Tile| {
        match disk.read(&tile.path(), MAX_TILE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let full = Tile::new(tile.tree(), tile.index(), mcpo2_verify::TILE_WIDTH);
                let full = full.ok_or(io::ErrorKind::NotFound)?;
                disk.read(&full.path(), MAX_TILE)
            }
            read => read,
        }
    })
}

type Found = ([u8; mcpo2_verify::LEAF], Vec<u8>, Vec<Disclosure>);

fn find(disk: &DirDisk, seq: u64) -> Result<Found, ProveError> {
    let firsts = recover::segments(disk)?;
    let segment = firsts.iter().rev().find(|first| **first <= seq);
    let segment = *segment.ok_or(ProveError::Removed { seq })?;
    let keys = Keys::load(disk)
        .map(|keys| keys.by_tag())
        .unwrap_or_default();
    let bytes = disk.read(&format!("seg/{}", segment_name(segment)), 1 << 32)?;
    let mut found = None;
    committed(&bytes, (segment, 0), true, |raw| {
        if raw.leaf.seq == seq {
            let fields = raw.opened(&keys).into_iter();
            let fields = fields.map(|(path, salt, value)| Disclosure { path, salt, value });
            found = Some((raw.leaf.encode(), raw.body.to_vec(), fields.collect()));
        }
    })?;
    found.ok_or(ProveError::Removed { seq })
}
