//! Excerpts: a part of a file is proven from the root of its manifest, and nothing else is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use std::ops::Range;

use mcpo2_artifact::manifest::{
    Content, Entry, Malformed, Manifest, Mode, ProofError,
    excerpt::{Cover, ExcerptProof, Groups, GroupsHasher, lines},
};
use mcpo2_core::Digest;

const GROUP: usize = 16 * 1024;
const SIZES: [usize; 14] = [
    0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 49_152, 65_537, 98_309,
];

/// Bytes without a period that a group could hide, with some line ends.
fn content(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// A manifest that has this file at `dir/f` between others.
fn manifest(content: &[u8]) -> Manifest {
    let file = |path: &str, content: &[u8]| {
        let (size, digest) = (content.len() as u64, Digest::of(content));
        let mode = Mode::Plain;
        Entry::new(path.parse().unwrap(), Content::File { mode, size, digest })
    };
    let link = Content::Symlink { target: "f".into() };
    let entries = vec![
        file("a", b"1"),
        file("dir/f", content),
        Entry::new("link".parse().unwrap(), link),
    ];
    Manifest::new(Digest::of(b"spec"), entries, vec![]).unwrap()
}

fn range(range: &Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

/// The borders of the file, of its chunks at the ends and of its groups, and what is beside them.
fn points(size: usize) -> Vec<usize> {
    let borders = (0..=size).step_by(GROUP).chain([0, 1024, size / 2, size]);
    let beside = borders.flat_map(|at| [at.saturating_sub(1), at, at + 1]);
    let mut points: Vec<usize> = beside.filter(|at| *at <= size).collect();
    points.sort_unstable();
    points.dedup();
    points
}

#[test]
fn each_range_of_each_size_is_proven_with_its_bytes() {
    for size in SIZES {
        let content = content(size);
        let (manifest, groups) = (manifest(&content), Groups::of(&content));
        assert_eq!(groups.digest(), Digest::of(&content));
        let (points, line_of) = (points(size), line_of(&content));
        let ranges = points
            .iter()
            .flat_map(|from| points.iter().map(move |to| *from..*to));
        for part in ranges.filter(|part| !part.is_empty() || size == 0) {
            for cover in [Cover::Part, Cover::Beginning] {
                let plan = manifest
                    .plan("dir/f", &groups, range(&part), cover)
                    .unwrap();
                let reads = plan.reads().start as usize..plan.reads().end as usize;
                let proof = plan.prove(&content[reads.clone()]).unwrap();
                let bytes = proof.to_bytes();
                let read = ExcerptProof::from_bytes(&bytes).unwrap();
                assert_eq!(read, proof);
                let excerpt = read.verify(&manifest.root()).unwrap();
                assert_eq!(excerpt.bytes(), &content[part.clone()], "{size} {part:?}");
                assert_eq!(excerpt.range(), range(&part));
                assert_eq!(excerpt.entry().path().as_str(), "dir/f");
                let proven = reads.start == 0 && !part.is_empty();
                let touched = proven.then(|| line_of[part.start]..=line_of[part.end - 1]);
                assert_eq!(excerpt.lines(), touched, "{size} {part:?}");
            }
        }
    }
}

/// The line of each byte of a file.
fn line_of(content: &[u8]) -> Vec<u64> {
    let mut line = 1;
    let line_of = content.iter().map(|byte| {
        let of = line;
        line += u64::from(*byte == b'\n');
        of
    });
    line_of.collect()
}

#[test]
fn line_numbers_are_proven_from_the_beginning_alone() {
    let content = content(3 * GROUP);
    let manifest = manifest(&content);
    let part = 2 * GROUP as u64 + 5..2 * GROUP as u64 + 9;
    let lines_of = |cover| {
        let proof = manifest
            .excerpt("dir/f", &content, part.clone(), cover)
            .unwrap();
        let size = proof.to_bytes().len();
        (proof.verify(&manifest.root()).unwrap().lines(), size)
    };
    let (unproven, short) = lines_of(Cover::Part);
    let (proven, long) = lines_of(Cover::Beginning);
    assert_eq!(unproven, None);
    assert!(proven.is_some());
    assert!(short < GROUP + 500 && long > 3 * GROUP);
}

#[test]
fn each_flipped_bit_of_a_proof_is_refused_or_asks_for_another_range() {
    for (size, part) in [
        (0, 0..0),
        (100, 10..20),
        (GROUP * 5, GROUP * 2..GROUP * 2 + 1),
    ] {
        let content = content(size);
        let manifest = manifest(&content);
        let root = manifest.root();
        for cover in [Cover::Part, Cover::Beginning] {
            let proof = manifest
                .excerpt("dir/f", &content, range(&part), cover)
                .unwrap();
            let bytes = proof.to_bytes();
            let head = 420.min(bytes.len());
            let spread = (head..bytes.len()).step_by(211);
            for at in (0..head).chain(spread) {
                for bit in 0..8 {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= 1 << bit;
                    let read = ExcerptProof::from_bytes(&bytes);
                    let holds = read.is_ok_and(|read| read.verify(&root).is_ok());
                    // A range says which part is meant; one in the same groups has the same proof.
                    assert!(
                        !holds || is_other_range(&bytes, &content, &part, &root),
                        "{at} {bit}"
                    );
                }
            }
        }
    }
}

/// Whether what verifies says of itself that it is another excerpt, and is that one.
fn is_other_range(bytes: &[u8], content: &[u8], part: &Range<usize>, root: &Digest) -> bool {
    let proof = ExcerptProof::from_bytes(bytes).unwrap();
    let excerpt = proof.verify(root).unwrap();
    let other = excerpt.range().start as usize..excerpt.range().end as usize;
    other != *part && excerpt.bytes() == &content[other]
}

#[test]
fn a_proof_that_is_cut_or_longer_is_refused() {
    let content = content(GROUP * 3);
    let manifest = manifest(&content);
    let proof = manifest
        .excerpt("dir/f", &content, 5..6, Cover::Part)
        .unwrap();
    let bytes = proof.to_bytes();
    for end in (0..500).chain(bytes.len() - 50..bytes.len()) {
        assert!(ExcerptProof::from_bytes(&bytes[..end]).is_err(), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(
        ExcerptProof::from_bytes(&longer),
        Err(Malformed::Trailing.into())
    );
}

#[test]
fn an_excerpt_of_another_manifest_is_refused() {
    let (one, two) = (content(100), vec![7; 100]);
    let proof = manifest(&one)
        .excerpt("dir/f", &one, 0..9, Cover::Part)
        .unwrap();
    assert_eq!(proof.verify(&manifest(&two).root()), Err(ProofError::Root));
}

#[test]
fn there_is_no_excerpt_of_what_is_no_file_or_no_range() {
    let content = content(GROUP + 1);
    let (manifest, groups) = (manifest(&content), Groups::of(&content));
    let plan = |path: &str, range| {
        manifest
            .plan(path, &groups, range, Cover::Part)
            .unwrap_err()
    };
    assert_eq!(plan("nowhere", 0..1), ProofError::NoFile);
    assert_eq!(plan("link", 0..1), ProofError::NoFile);
    assert_eq!(plan("a", 0..1), ProofError::Content);
    let size = content.len() as u64;
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    for range in [
        0..0,
        5..5,
        6..5,
        0..size + 1,
        size..size,
        u64::MAX - 1..u64::MAX,
    ] {
        assert_eq!(plan("dir/f", range), ProofError::Range);
    }
}

#[test]
fn a_store_that_gives_other_bytes_is_found_out() {
    let content = content(GROUP * 2);
    let (manifest, groups) = (manifest(&content), Groups::of(&content));
    let plan = || manifest.plan("dir/f", &groups, 0..5, Cover::Part).unwrap();
    let mut read = content[..GROUP].to_vec();
    assert!(plan().prove(&read).is_ok());
    assert_eq!(plan().prove(&read[1..]), Err(ProofError::Content));
    assert_eq!(plan().prove(&content), Err(ProofError::Content));
    read[GROUP - 1] ^= 1;
    assert_eq!(plan().prove(&read), Err(ProofError::Content));
}

#[test]
fn a_claim_of_a_huge_file_is_refused_at_once() {
    let file = Content::File {
        mode: Mode::Plain,
        size: u64::MAX,
        digest: Digest::of(b""),
    };
    let entries = vec![Entry::new("f".parse().unwrap(), file)];
    let manifest = Manifest::new(Digest::of(b"spec"), entries, vec![]).unwrap();
    let inclusion = manifest.prove("f").unwrap().to_bytes();
    let (_, inclusion) = inclusion.split_at("mcpo2 inclusion\n".len());
    let end = [&[0xff; 9][..], &[1]].concat();
    for (range, cover) in [(&b"\0"[..], 0), (b"\x80\x80\x04", 0), (b"\x80\x80\x04", 1)] {
        let claim = [
            b"mcpo2 excerpt\n",
            inclusion,
            range,
            &end,
            &[cover],
            &[0; 4096],
        ]
        .concat();
        assert_eq!(ExcerptProof::from_bytes(&claim), Err(Malformed::End.into()));
    }
    let groups = [b"mcpo2 groups v1\n", &end[..], &[0; 4096]].concat();
    assert_eq!(Groups::from_bytes(&groups), Err(Malformed::Length));
}

#[test]
fn groups_do_not_depend_on_how_the_file_comes() {
    for size in SIZES {
        let content = content(size);
        for piece in [1000, GROUP, GROUP + 1, 40_000] {
            let mut hasher = GroupsHasher::default();
            for piece in content.chunks(piece) {
                hasher.update(piece);
            }
            let groups = hasher.finish();
            assert_eq!(groups, Groups::of(&content), "{size} {piece}");
            assert_eq!(Groups::from_bytes(&groups.to_bytes()), Ok(groups));
        }
    }
}

#[test]
fn kept_groups_that_rotted_are_of_another_file() {
    let groups = Groups::of(&content(GROUP * 3 + 5));
    let bytes = groups.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Groups::from_bytes(&bytes) {
            let same = (other.size(), other.digest()) == (groups.size(), groups.digest());
            assert!(!same, "bit {bit}");
        }
    }
}

/// The values of the groups out of bao's own tree, which goes down to single chunks.
fn groups_by_bao(content: &[u8]) -> Vec<u8> {
    fn below(parents: &mut &[u8], length: usize, value: Option<&[u8]>, found: &mut Vec<u8>) {
        if length <= GROUP {
            found.extend_from_slice(value.unwrap());
            *parents = &parents[64 * (length.div_ceil(1024).max(1) - 1)..];
            return;
        }
        let (parent, rest) = parents.split_at(64);
        *parents = rest;
        let left = length.div_ceil(2).next_power_of_two();
        below(parents, left, Some(&parent[..32]), found);
        below(parents, length - left, Some(&parent[32..]), found);
    }
    let (outboard, hash) = bao::encode::outboard(content);
    let mut found = Vec::new();
    let mut parents = &outboard[8..];
    below(
        &mut parents,
        content.len(),
        Some(hash.as_bytes()),
        &mut found,
    );
    assert!(parents.is_empty());
    found
}

#[test]
fn the_groups_are_those_of_bao() {
    for size in SIZES.into_iter().chain([GROUP * 7 + 1, GROUP * 33 - 1]) {
        let content = content(size);
        let ours = Groups::of(&content).to_bytes();
        assert!(ours.ends_with(&groups_by_bao(&content)), "{size}");
    }
}

#[test]
fn lines_are_where_their_ends_say() {
    let text = b"one\n\nthree\nfour";
    for (wanted, expected) in [
        (1..=1, Some(0..4)),
        (2..=2, Some(4..5)),
        (1..=4, Some(0..15)),
        (3..=9, Some(5..15)),
        (4..=u64::MAX, Some(11..15)),
        (5..=6, None),
        (0..=1, None),
    ] {
        assert_eq!(lines(text, wanted.clone()), expected, "{wanted:?}");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let backwards = 2..=1;
    assert_eq!(lines(text, backwards), None);
    assert_eq!(lines(b"", 1..=1), None);
    assert_eq!(lines(b"\n", 1..=2), Some(0..1));
    assert_eq!(lines(b"\n", 2..=2), None);
}
