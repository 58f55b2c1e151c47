//! Writes honest ledgers.

use std::{collections::BTreeMap, io};

use mcpo2_verify::{
    Flags, Frontier, Hash, Hashes, Kind, Leaf, SegmentHeader, Tree, chain_next, commitment,
    encode_body, leaf_hash, new_tiles, node_hash, record_digest, subject_tag, write_entry,
};

use super::{Ledger, Pair, Piece, Segment, rng::Rng};

pub struct Writer {
    pub ledger: Ledger,
    pub rng: Rng,
    pub tree: Frontier,
    chain: Hash,
    leaves: Vec<Leaf>,
    times: (u64, u64),
    boot: [u8; 16],
    with_tiles: bool,
    tiled: u64,
}

/// All hashes of complete subtrees.
pub struct Levels(Vec<Vec<Hash>>);

impl Levels {
    pub fn of(leaves: impl Iterator<Item = Hash>) -> Self {
        let mut levels = vec![leaves.collect::<Vec<_>>()];
        while levels[levels.len() - 1].len() > 1 {
            let below = levels[levels.len() - 1].chunks_exact(2);
            levels.push(below.map(|pair| node_hash(&pair[0], &pair[1])).collect());
        }
        Self(levels)
    }
}

impl Hashes for Levels {
    fn hash(&self, level: u32, index: u64) -> io::Result<Hash> {
        let level = self.0.get(usize::try_from(level).unwrap());
        let hash = level.and_then(|level| level.get(usize::try_from(index).unwrap()));
        hash.copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Writer {
    pub fn new(origin: &str, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let pair = Pair::log(origin, 1 + u8::try_from(seed % 100).unwrap());
        let mut writer = Self {
            boot: rng.bytes(),
            rng,
            tree: Frontier::new(),
            chain: [0; 32],
            leaves: Vec::new(),
            times: (1_790_000_000_000_000_000, 0),
            with_tiles: true,
            tiled: 0,
            ledger: Ledger {
                origin: origin.to_owned(),
                origin_file: format!("{origin}\n{}\n", pair.key),
                pairs: vec![pair],
                segments: Vec::new(),
                notes: BTreeMap::new(),
                rotations: Vec::new(),
                checkpoint: None,
                tiles: BTreeMap::new(),
            },
        };
        writer.segment();
        writer
    }

    pub fn segment(&mut self) {
        let header = SegmentHeader::new(self.chain, &self.tree, self.ledger.origin.clone());
        let first = self.tree.size();
        if self
            .ledger
            .segments
            .last()
            .is_some_and(|it| it.first == first)
        {
            return;
        }
        if let Some(segment) = self.ledger.segments.last_mut() {
            segment.room = self.rng.index(50);
        }
        self.ledger.segments.push(Segment {
            first,
            pieces: vec![Piece::Header(first, header)],
            room: 0,
        });
    }

    fn put(&mut self, piece: Piece) {
        self.ledger.segments.last_mut().unwrap().pieces.push(piece);
    }

    pub fn record(&mut self, kind: Kind, public: &str) {
        self.record_with(kind, public, &[]);
    }

    pub fn record_with(&mut self, kind: Kind, public: &str, fields: &[(&str, &str)]) {
        let salt = self.rng.bytes();
        let commit = |(path, value): &(&'static str, &str)| (*path, commitment(&salt, path, value));
        let fields: Vec<(&'static str, &str)> = fields
            .iter()
            .map(|(path, value)| (if *path == "/a" { "/a" } else { "/b" }, *value))
            .collect();
        let commitments: Vec<_> = fields.iter().map(commit).collect();
        let body = encode_body(public.as_bytes(), &commitments).unwrap();
        self.times.0 += self.rng.below(2_000_000_000);
        self.times.1 += self.rng.below(2_000_000_000);
        let held = self.rng.one_in(20);
        let leaf = Leaf {
            flags: if held { Flags::HELD } else { Flags::NONE },
            seq: self.tree.size(),
            wall_ns: self.times.0,
            mono_ns: self.times.1,
            boot_id: self.boot,
            tenant_tag: [u8::from(self.rng.one_in(2)); 32],
            record_digest: record_digest(&body),
            prev_chain: self.chain,
            kind,
            schema: 1,
        };
        self.append(leaf, body);
        if !fields.is_empty() {
            let tag = subject_tag(&self.rng.bytes());
            let mut vault = tag.to_vec();
            vault.extend(self.rng.bytes::<70>());
            self.put(Piece::Vault(self.tree.size() - 1, vault));
        }
    }

    /// Takes a leaf as it is, honest or not.
    pub fn append(&mut self, leaf: Leaf, body: Vec<u8>) {
        let bytes = leaf.encode();
        self.chain = chain_next(&self.chain, &bytes);
        self.tree.push(leaf_hash(&bytes));
        self.leaves.push(leaf.clone());
        self.put(Piece::Record(leaf.seq, leaf, body));
    }

    pub fn commit(&mut self) {
        let size = self.tree.size();
        let note = self.ledger.signer(size).checkpoint(size, self.tree.root());
        self.put(Piece::Commit(size, note));
    }

    /// Publishes the last commit, and writes the tiles up to it.
    pub fn publish(&mut self) {
        let Some((size, note)) = self.ledger.commits().pop() else {
            return;
        };
        self.ledger.checkpoint = Some(note);
        if !self.with_tiles {
            return;
        }
        let committed = usize::try_from(size).unwrap();
        let hashes = self.leaves.iter().take(committed);
        let levels = Levels::of(hashes.map(|leaf| leaf_hash(&leaf.encode())));
        for tile in new_tiles(self.tiled, size) {
            let bytes = match tile.tree() {
                Tree::Entries => {
                    let from = usize::try_from(tile.index() * 256).unwrap();
                    let leaves = &self.leaves[from..from + usize::from(tile.width())];
                    let mut bundle = Vec::new();
                    for leaf in leaves {
                        write_entry(&mut bundle, &leaf.encode());
                    }
                    bundle
                }
                _ => tile.read_hashes(&levels).unwrap(),
            };
            self.ledger.tiles.insert(tile.path(), bytes);
        }
        self.tiled = size;
    }

    pub fn rotate(&mut self) {
        let epoch = self.ledger.pairs.len();
        let seed = 100 + u8::try_from(epoch).unwrap();
        let next = Pair::log(&self.ledger.origin, seed);
        let public = format!(r#"{{"v":1,"rotation":{{"key":"{}"}}}}"#, next.key);
        self.record(Kind::KEY_ROTATION, &public);
        self.commit();
        let size = self.tree.size();
        let origin = &self.ledger.origin;
        let text = format!(
            "mcpo2.dev/rotation/v1\n{origin}\n{epoch}\n{size}\n{}\n",
            next.key
        );
        let note = self.ledger.pairs[epoch - 1].note(&text);
        self.ledger
            .notes
            .insert(format!("epoch-{epoch:010}.note"), note);
        self.ledger.rotations.push(size);
        self.ledger.pairs.push(next);
    }

    /// Begins anew, as after a crash, which may have left a tail.
    pub fn reopen(&mut self) {
        self.boot = self.rng.bytes();
        self.times.1 = 0;
        self.record(Kind::RECOVERED, r#"{"recovered":{"bytes":17}}"#);
    }

    /// Says that the first segments may go, and lets them.
    pub fn retain(&mut self, segments: usize) {
        let segments = segments.min(self.ledger.segments.len() - 1);
        let before = self.ledger.segments[segments].first;
        let public = format!(r#"{{"retention":{{"policy":"x","before":{before}}}}}"#);
        self.record(Kind::RETENTION, &public);
        self.commit();
        self.publish();
        self.ledger.segments.drain(..segments);
    }

    pub fn without_tiles(mut self) -> Self {
        self.with_tiles = false;
        self
    }

    pub fn some_record(&mut self) {
        let text = format!(
            r#"{{"n":{},"t":"{}"}}"#,
            self.rng.below(999),
            self.rng.below(99)
        );
        match self.rng.below(4) {
            0 => self.record_with(Kind::CALL, &text, &[("/a", "\"x\""), ("/b", "1")]),
            1 => self.record_with(Kind::OUTCOME, &text, &[("/b", "null")]),
            2 => self.record(Kind::new(900), &text),
            _ => self.record(Kind::INTENT, &text),
        }
    }
}

/// A ledger of some `records` records, of a history that follows from `seed`.
pub fn honest(origin: &str, seed: u64, records: u64) -> Ledger {
    let mut writer = Writer::new(origin, seed);
    if seed.is_multiple_of(5) {
        writer = writer.without_tiles();
    }
    writer.record(Kind::SERVER_START, "{}");
    while writer.tree.size() < records {
        match writer.rng.below(30) {
            0..4 => {
                writer.commit();
                writer.publish();
            }
            4..6 => writer.segment(),
            6 if writer.ledger.pairs.len() < 5 => writer.rotate(),
            7 => writer.reopen(),
            8..11 => writer.commit(),
            11 if writer.with_tiles && seed.is_multiple_of(3) => writer.retain(1),
            _ => writer.some_record(),
        }
    }
    writer.commit();
    writer.publish();
    match seed % 4 {
        // a tail that was not acknowledged
        1 => writer.some_record(),
        2 => {
            writer.some_record();
            let segment = writer.ledger.segments.last_mut().unwrap();
            let torn = segment.pieces.pop().unwrap().bytes();
            let at = torn.len() / 2;
            segment.pieces.push(Piece::Raw(torn[..at].to_vec()));
            segment.room = 9;
        }
        _ => {}
    }
    writer.ledger
}
