//! A ledger in pieces that tests can take apart, and a small writer of such ledgers that shares
//! nothing with the one that ships but the codec.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{self, Read},
    path::Path,
};

use ed25519_dalek::{Signer as _, SigningKey};
use mcpo2_verify::{
    FrameKind, Hash, Leaf, SegmentHeader,
    checkpoint::Checkpoint,
    cosignature::cosign,
    key::VerifierKey,
    log::Files,
    note::{SignatureLine, assemble, sign_note},
    segment_name,
    trust::Trust,
    write_frame,
};

pub mod attack;
pub mod rng;
pub mod writer;

/// A secret and what verifies with it.
#[derive(Clone, Debug)]
pub struct Pair {
    pub key: VerifierKey,
    secret: SigningKey,
}

/// A frame, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Header(u64, SegmentHeader),
    Record(u64, Leaf, Vec<u8>),
    Vault(u64, Vec<u8>),
    Commit(u64, String),
    Raw(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub first: u64,
    pub pieces: Vec<Piece>,
    /// Zeros behind the last frame.
    pub room: usize,
}

/// A ledger, taken apart.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub origin: String,
    /// What stands in the file `origin`.
    pub origin_file: String,
    pub pairs: Vec<Pair>,
    pub segments: Vec<Segment>,
    /// The rotation notes, by their file names.
    pub notes: BTreeMap<String, String>,
    /// The sizes at which keys changed.
    pub rotations: Vec<u64>,
    pub checkpoint: Option<String>,
    pub tiles: BTreeMap<String, Vec<u8>>,
}

/// Files that are only in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Pair {
    pub fn log(name: &str, seed: u8) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = secret.verifying_key();
        let key = VerifierKey::new(name.parse().unwrap(), public.as_bytes()).unwrap();
        Self { key, secret }
    }

    pub fn witness(name: &str, seed: u8) -> Self {
        let Self { secret, key } = Self::log(name, seed);
        let key = VerifierKey::cosigner(key.name().clone(), key.public()).unwrap();
        Self { key, secret }
    }

    pub fn sign(&self, text: &str) -> SignatureLine {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.secret.sign(message).to_bytes());
        sign_note(text, self.key.name(), self.key.id(), sign).unwrap()
    }

    pub fn cosign(&self, text: &str, time: u64) -> SignatureLine {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.secret.sign(message).to_bytes());
        cosign(text, time, self.key.name(), self.key.id(), sign).unwrap()
    }

    pub fn note(&self, text: &str) -> String {
        assemble(text, &[self.sign(text)])
    }

    pub fn checkpoint(&self, size: u64, root: Hash) -> String {
        self.note(&Checkpoint::new(self.key.name(), size, root).text())
    }
}

impl Piece {
    pub fn seq(&self) -> u64 {
        match self {
            Self::Header(seq, _) | Self::Record(seq, ..) => *seq,
            Self::Vault(seq, _) | Self::Commit(seq, _) => *seq,
            Self::Raw(_) => 0,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let written = match self {
            Self::Header(seq, header) => {
                let header = header.encode().unwrap();
                write_frame(&mut out, FrameKind::Header, *seq, &[&header])
            }
            Self::Record(seq, leaf, body) => {
                write_frame(&mut out, FrameKind::Record, *seq, &[&leaf.encode(), body])
            }
            Self::Vault(seq, bytes) => write_frame(&mut out, FrameKind::Vault, *seq, &[bytes]),
            Self::Commit(seq, note) => {
                write_frame(&mut out, FrameKind::Commit, *seq, &[note.as_bytes()])
            }
            Self::Raw(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
        };
        written.unwrap();
        out
    }
}

impl Ledger {
    pub fn trust(&self) -> Trust {
        Trust::without_witnesses(self.pairs[0].key.clone())
    }

    pub fn files(&self) -> Memory {
        let mut files = BTreeMap::new();
        files.insert("origin".to_owned(), self.origin_file.clone().into_bytes());
        if let Some(checkpoint) = &self.checkpoint {
            files.insert("checkpoint".to_owned(), checkpoint.clone().into_bytes());
        }
        for segment in &self.segments {
            let mut bytes: Vec<u8> = segment.pieces.iter().flat_map(Piece::bytes).collect();
            bytes.resize(bytes.len() + segment.room, 0);
            files.insert(format!("seg/{}", segment_name(segment.first)), bytes);
        }
        for (name, note) in &self.notes {
            files.insert(format!("keys/{name}"), note.clone().into_bytes());
        }
        for (path, bytes) in &self.tiles {
            files.insert(path.clone(), bytes.clone());
        }
        Memory(files)
    }

    /// The key that signs a checkpoint of this size.
    pub fn signer(&self, size: u64) -> &Pair {
        let epoch = self.rotations.iter().filter(|past| **past < size).count();
        &self.pairs[epoch]
    }

    /// Each piece with the number of its segment and its place there.
    pub fn places(&self) -> Vec<(usize, usize)> {
        let segments = self.segments.iter().enumerate();
        segments
            .flat_map(|(at, segment)| (0..segment.pieces.len()).map(move |piece| (at, piece)))
            .collect()
    }

    pub fn piece(&self, (segment, piece): (usize, usize)) -> &Piece {
        &self.segments[segment].pieces[piece]
    }

    pub fn piece_mut(&mut self, (segment, piece): (usize, usize)) -> &mut Piece {
        &mut self.segments[segment].pieces[piece]
    }

    /// How many records the last commit covers.
    pub fn committed(&self) -> u64 {
        let pieces = self.segments.iter().flat_map(|segment| &segment.pieces);
        let commits = pieces.filter(|piece| matches!(piece, Piece::Commit(..)));
        commits.map(Piece::seq).max().unwrap_or(0)
    }

    pub fn commits(&self) -> Vec<(u64, String)> {
        let pieces = self.segments.iter().flat_map(|segment| &segment.pieces);
        let commits = pieces.filter_map(|piece| match piece {
            Piece::Commit(size, note) => Some((*size, note.clone())),
            _ => None,
        });
        commits.collect()
    }
}

impl Memory {
    pub fn write_to(&self, dir: &Path) {
        for (path, bytes) in &self.0 {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

impl Files for Memory {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let bytes = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.as_slice()))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{path}/");
        let inside = self.0.keys().filter_map(|name| name.strip_prefix(&prefix));
        let names = inside.map(|name| name.split('/').next().unwrap().to_owned());
        let mut names: Vec<_> = names.collect();
        names.dedup();
        match names.is_empty() {
            true => Err(io::ErrorKind::NotFound.into()),
            false => Ok(names),
        }
    }
}
