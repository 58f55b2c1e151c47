//! What is written is read again, and what would not have been written is not read.

#![allow(clippy::unwrap_used, reason = "tests")]

use mcpo2_verify::{
    BodyError, Flags, FrameFault, FrameKind, Frames, Frontier, Hash, Kind, LEAF, Leaf, LeafError,
    MAX_BODY, MAX_PAYLOAD, SegmentHeader, Values, encode_body, encode_values, parse_segment_name,
    segment_name, write_frame,
};
use proptest::prelude::*;

fn leaves() -> impl Strategy<Value = Leaf> {
    let times = any::<(u64, u64, u64)>();
    let tags = any::<([u8; 16], Hash, Hash, Hash)>();
    (0_u32..4, times, tags, any::<(u16, u16)>()).prop_map(|(flags, times, tags, kind)| Leaf {
        flags: Flags::from_bits(flags).unwrap(),
        seq: times.0,
        wall_ns: times.1,
        mono_ns: times.2,
        boot_id: tags.0,
        tenant_tag: tags.1,
        record_digest: tags.2,
        prev_chain: tags.3,
        kind: Kind::new(kind.0),
        schema: kind.1,
    })
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set("/[a-z~/\u{e9}]{0,9}", 0..6).prop_map(|paths| {
        let paths = paths.into_iter().map(|path| path.replace('~', "~1"));
        let paths: std::collections::BTreeSet<_> = paths.collect();
        paths.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn a_leaf_is_read_as_it_was_written(leaf in leaves()) {
        let bytes = leaf.encode();
        prop_assert_eq!(Leaf::decode(&bytes), Ok(leaf));
    }

    #[test]
    fn a_leaf_has_one_encoding(leaf in leaves(), at in 0..LEAF, bit in 0..8_u32) {
        let mut bytes = leaf.encode();
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Leaf::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
            prop_assert_ne!(other, leaf);
        }
    }

    #[test]
    fn frames_are_read_as_they_were_written(
        frames in prop::collection::vec((1_u8..5, any::<u64>(), prop::collection::vec(any::<u8>(), 1..99)), 0..9),
        split in 0..99_usize,
        zeros in 0..40_usize,
    ) {
        let mut bytes = Vec::new();
        for (kind, seq, payload) in &frames {
            let (left, right) = payload.split_at(split.min(payload.len()));
            let kind = FrameKind::from_number(*kind).unwrap();
            write_frame(&mut bytes, kind, *seq, &[left, right]).unwrap();
        }
        bytes.resize(bytes.len() + zeros, 0);
        let mut reader = Frames::new(&bytes);
        for (kind, seq, payload) in &frames {
            let (_, frame) = reader.next().unwrap().unwrap();
            prop_assert_eq!((frame.kind.number(), frame.seq, frame.payload), (*kind, *seq, &payload[..]));
        }
        prop_assert_eq!(reader.next(), Ok(None));
        prop_assert_eq!(reader.rest().len(), zeros);
    }

    #[test]
    fn a_frame_that_was_touched_is_not_read(payload in prop::collection::vec(any::<u8>(), 1..99), at in 0..999_usize, bit in 0..8_u32) {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, FrameKind::Record, 7, &[&payload]).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let read = Frames::new(&bytes).next();
        // the one thing that a touched length can pretend is that nothing follows
        prop_assert!(read.is_err() || (read == Ok(None) && at < 4), "{:?}", read);
        prop_assert!(Frames::new(&bytes[..bytes.len() - 1]).next().is_err() || at < 4);
    }

    #[test]
    fn a_body_is_read_as_it_was_written(paths in paths(), public in r"\{[^\x00]{0,20}\}", hash in any::<Hash>()) {
        let commitments: Vec<_> = paths.iter().map(|path| (path.as_str(), hash)).collect();
        let bytes = encode_body(public.as_bytes(), &commitments).unwrap();
        let body = mcpo2_verify::Body::decode(&bytes).unwrap();
        prop_assert_eq!(body.public(), &public);
        prop_assert_eq!(body.commitments().count(), commitments.len());
        let read: Vec<_> = body.commitments().map(|it| (it.path, it.hash)).collect();
        prop_assert_eq!(read, commitments);
        let mut longer = bytes.clone();
        longer.push(0);
        prop_assert_eq!(mcpo2_verify::Body::decode(&longer), Err(BodyError::Length));
    }

    #[test]
    fn values_are_read_as_they_were_written(paths in paths(), value in ".{0,9}", salt in any::<[u8; 32]>()) {
        let values: Vec<_> = paths.iter().map(|path| (path.as_str(), salt, value.as_str())).collect();
        let bytes = encode_values(&values).unwrap();
        let read: Vec<_> = Values::decode(&bytes).unwrap().map(|it| (it.path, *it.salt, it.value)).collect();
        prop_assert_eq!(read, values);
        prop_assert_eq!(Values::decode(&bytes[..bytes.len() - 1]), Err(BodyError::Length));
    }

    #[test]
    fn bytes_that_are_read_as_a_body_are_what_would_be_written(bytes in prop::collection::vec(any::<u8>(), 0..80), public in r"\{[a-z]{0,3}\}") {
        let length = u32::try_from(public.len()).unwrap();
        let bytes = [&length.to_le_bytes()[..], public.as_bytes(), &bytes].concat();
        if let Ok(body) = mcpo2_verify::Body::decode(&bytes) {
            let commitments: Vec<_> = body.commitments().map(|it| (it.path, it.hash)).collect();
            prop_assert_eq!(encode_body(body.public().as_bytes(), &commitments).unwrap(), bytes);
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written(chain in any::<Hash>(), frontier in prop::collection::vec(any::<Hash>(), 0..64), origin in "[ -~]{1,40}") {
        let size = if frontier.len() == 64 { u64::MAX } else { (1 << frontier.len()) - 1 };
        let frontier = Frontier::from_hashes(size, frontier).unwrap();
        let header = SegmentHeader::new(chain, &frontier, origin);
        let bytes = header.encode().unwrap();
        prop_assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        prop_assert!(SegmentHeader::decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn a_segment_has_one_name(first in any::<u64>(), name in "[0-9]{20}|[0-9]{19}|[0-9]{20}\\.seg|\\+[0-9]{19}\\.seg") {
        prop_assert_eq!(parse_segment_name(&segment_name(first)), Some(first));
        if let Some(first) = parse_segment_name(&name) {
            prop_assert_eq!(segment_name(first), name);
        }
    }
}

#[test]
fn a_leaf_says_why_it_is_none() {
    let good = [&b"M2A1"[..], &[0; 148]].concat();
    assert!(Leaf::decode(&good).is_ok());
    assert_eq!(Leaf::decode(&good[1..]), Err(LeafError::Length));
    for (at, why) in [
        (0, LeafError::Magic),
        (4, LeafError::Flags),
        (7, LeafError::Flags),
        (148, LeafError::Padding),
        (151, LeafError::Padding),
    ] {
        let mut bad = good.clone();
        bad[at] ^= 4;
        assert_eq!(Leaf::decode(&bad), Err(why));
    }
}

#[test]
fn a_leaf_stands_byte_by_byte_as_the_format_says() {
    let leaf = Leaf {
        flags: Flags::HELD.with(Flags::SET),
        seq: 0x0102_0304_0506_0708,
        wall_ns: 2,
        mono_ns: 3,
        boot_id: [4; 16],
        tenant_tag: [5; 32],
        record_digest: [6; 32],
        prev_chain: [7; 32],
        kind: Kind::RELOAD,
        schema: 1,
    };
    let bytes = leaf.encode();
    assert_eq!(
        bytes[..16],
        *b"M2A1\x03\0\0\0\x08\x07\x06\x05\x04\x03\x02\x01"
    );
    assert_eq!(bytes[16..32], *b"\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0");
    assert_eq!(bytes[32..48], [4; 16]);
    assert_eq!(
        (&bytes[48..80], &bytes[80..112], &bytes[112..144]),
        (&[5; 32][..], &[6; 32][..], &[7; 32][..])
    );
    assert_eq!(bytes[144..], *b"\x11\0\x01\0\0\0\0\0");
    assert_eq!(leaf.kind.to_string(), "reload");
    assert_eq!(Kind::new(99).name(), None);
}

#[test]
fn a_frame_that_cannot_be_read_back_is_not_written() {
    let mut bytes = Vec::new();
    let long = vec![1; MAX_PAYLOAD + 1];
    let written = write_frame(&mut bytes, FrameKind::Record, 0, &[&long]);
    assert_eq!(written, Err(FrameFault::TooLong));
    assert_eq!(
        write_frame(&mut bytes, FrameKind::Record, 0, &[b""]),
        Err(FrameFault::Empty)
    );
    assert!(bytes.is_empty());
    write_frame(&mut bytes, FrameKind::Record, 0, &[&long[1..]]).unwrap();
    assert_eq!(
        Frames::new(&bytes).next().unwrap().unwrap().1.payload.len(),
        MAX_PAYLOAD
    );
    bytes[2] = 0x11;
    let error = Frames::new(&bytes).next().unwrap_err();
    assert_eq!((error.fault, error.offset), (FrameFault::TooLong, 0));
}

#[test]
fn a_body_says_why_it_is_none() {
    let hash = [0; 32];
    let encode = |public: &[u8], paths: &[&str]| {
        let commitments: Vec<_> = paths.iter().map(|path| (*path, hash)).collect();
        encode_body(public, &commitments).map(drop)
    };
    assert_eq!(encode(b"{}", &["/a", "/b"]), Ok(()));
    assert_eq!(encode(b"{}", &["/b", "/a"]), Err(BodyError::Order));
    assert_eq!(encode(b"{}", &["/a", "/a"]), Err(BodyError::Order));
    assert_eq!(encode(b"{}", &["a"]), Err(BodyError::Path));
    assert_eq!(encode(b"{}", &["/a\n"]), Err(BodyError::Path));
    assert_eq!(encode(b"{}", &["/~2"]), Err(BodyError::Path));
    assert_eq!(encode(b"[]", &[]), Err(BodyError::NoObject));
    assert_eq!(encode(b"{\xff}", &[]), Err(BodyError::Utf8));
    assert_eq!(
        encode(b"{}", &[&format!("/{:0255}", 0)]),
        Err(BodyError::TooLong)
    );
    let long = format!("{{{}}}", " ".repeat(MAX_BODY - 8));
    assert_eq!(encode(long.as_bytes(), &[]), Ok(()));
    assert_eq!(
        encode(format!("{long}}}").as_bytes(), &[]),
        Err(BodyError::TooLong)
    );
}
