#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod cosignature;
pub mod key;
pub mod log;
pub mod note;
pub mod proof;
pub mod rotation;
pub mod trust;
pub mod witness;

mod body;
mod bytes;
mod frame;
mod hash;
mod leaf;
mod prove;
mod segment;
#[cfg(test)]
mod testing;
mod text;
mod tile;
mod tree;
mod values;

pub use body::{
    BODY_HEAD, Body, BodyError, Commitment, Commitments, MAX_BODY, encode_body, end_body,
};
pub use frame::{
    FRAME_HEADER, Frame, FrameError, FrameFault, FrameKind, Frames, MAX_COMMIT, MAX_PAYLOAD,
    read_frame, write_frame,
};
pub use hash::{
    Hash, chain_next, empty_root, hash_from_base64, hash_to_base64, leaf_hash, node_hash,
    record_digest,
};
pub use leaf::{Flags, Kind, LEAF, Leaf, LeafError, SCHEMA};
pub use prove::{Hashes, prove_consistency, prove_inclusion};
pub use segment::{SegmentError, SegmentHeader, parse_segment_name, segment_name};
pub use tile::{TILE_WIDTH, Tile, TileHashes, Tree, entries, new_tiles, write_entry};
pub use tree::{Frontier, TreeError, verify_consistency, verify_inclusion};
pub use values::{Value, Values, commitment, encode_values, subject_tag};
