//! What an attacker makes fit again.

use mcpo2_verify::{
    Frontier, SegmentHeader, chain_next, checkpoint::SignedCheckpoint, leaf_hash, record_digest,
};

use super::super::{Ledger, Pair, Piece};

/// What an attacker makes fit again after a change.
#[derive(Clone, Copy, PartialEq)]
pub struct Fit {
    numbers: bool,
    /// Digests and the chain in leaves and headers, and the frontiers in headers.
    chain: bool,
    commits: Commits,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Commits {
    Keep,
    /// The text is written anew, and the signature stays.
    Text,
    /// Signed by a key of nobody.
    Stranger,
    /// Signed by the newest key, which was stolen.
    Newest,
}

pub const DIGEST: Fit = Fit {
    numbers: false,
    chain: false,
    commits: Commits::Keep,
};
pub const CHAIN: Fit = Fit {
    numbers: true,
    chain: true,
    commits: Commits::Keep,
};

pub const fn all(commits: Commits) -> Fit {
    Fit {
        numbers: true,
        chain: true,
        commits,
    }
}

/// Makes a ledger fit together, as far as `fit` goes, from the record `first` on.
pub fn refit(ledger: &mut Ledger, fit: Fit, first: u64) {
    let (mut chain, mut tree) = begin(ledger);
    let stranger = Pair::log(&ledger.origin, 99);
    let newest = ledger.pairs[ledger.pairs.len() - 1].clone();
    let origin = ledger.origin.clone();
    for segment in &mut ledger.segments {
        for piece in &mut segment.pieces {
            let next = tree.size();
            match piece {
                Piece::Header(seq, header) if fit.chain && next > first => {
                    *header = SegmentHeader::new(chain, &tree, origin.clone());
                    *seq = next;
                    segment.first = next;
                }
                Piece::Record(seq, leaf, body) => {
                    if fit.numbers {
                        (*seq, leaf.seq) = (next, next);
                    }
                    leaf.record_digest = record_digest(body);
                    if fit.chain {
                        leaf.prev_chain = chain;
                    }
                    let bytes = leaf.encode();
                    chain = chain_next(&chain, &bytes);
                    tree.push(leaf_hash(&bytes));
                }
                Piece::Vault(seq, _) if fit.numbers => *seq = next.saturating_sub(1),
                Piece::Commit(seq, note) if next > first && fit.commits != Commits::Keep => {
                    *seq = next;
                    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
                    let signer = if fit.commits == Commits::Stranger {
                        &stranger
                    } else {
                        &newest
                    };
                    let new = signer.checkpoint(next, tree.root());
                    *note = match fit.commits {
                        Commits::Text => {
                            let text = SignedCheckpoint::parse(new.as_bytes()).unwrap();
                            let lines = signed.note().signatures();
                            mcpo2_verify::note::assemble(&text.checkpoint().text(), lines)
                        }
                        _ => new,
                    };
                }
                _ => {}
            }
        }
    }
}

pub fn begin(ledger: &Ledger) -> ([u8; 32], Frontier) {
    let Piece::Header(first, header) = &ledger.segments[0].pieces[0] else {
        return ([0; 32], Frontier::new());
    };
    let tree = Frontier::from_hashes(*first, header.frontier.clone()).unwrap();
    (header.prev_chain, tree)
}
