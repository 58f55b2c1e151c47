use mcpo2_artifact::{
    Key,
    blob::{Chunk, ChunkIndex, PinRecord, RootRecord, conformance},
};
use mcpo2_core::Digest;
use proptest::{collection::vec, prelude::*};

use crate::support::{Faulty, TestClock, memory, run};

#[test]
fn memory_and_what_wraps_it_keep_what_every_store_promises() {
    let clock = TestClock::default();
    run(conformance::check(&memory(&clock))).unwrap();
    run(conformance::check(&*Faulty::new(memory(&clock)))).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_are_read_as_they_were_written_and_no_flipped_bit_is_missed(
        logical in any::<u64>(),
        members in vec(any::<[u8; 32]>().prop_map(Key::from_bytes), 0..5),
        subject in any::<[u8; 32]>(),
        until in proptest::option::of(0..u64::MAX),
        bit in any::<proptest::sample::Index>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let root = RootRecord::new(logical, members.clone()).with_subject(subject);
        let pin = PinRecord { root: Key::from_bytes([3; 32]), until };
        let mut reversed = members;
        reversed.reverse();
        let other = RootRecord::new(logical, reversed).with_subject(subject);
        prop_assert_eq!(other.to_bytes(), root.to_bytes());
        prop_assert_eq!(RootRecord::from_bytes(&root.to_bytes()), Ok(root.clone()));
        prop_assert_eq!(PinRecord::from_bytes(&pin.to_bytes()), Ok(pin));
        for bytes in [root.to_bytes(), pin.to_bytes()] {
            let mut flipped = bytes.to_vec();
            let bit = bit.index(bytes.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            let cut = &bytes[..cut.index(bytes.len())];
            for bad in [&flipped, cut] {
                prop_assert!(RootRecord::from_bytes(bad).is_err() && PinRecord::from_bytes(bad).is_err());
            }
        }
    }

    #[test]
    fn index_is_read_as_it_was_written_or_as_another_or_not_at_all(
        chunks in vec((1..=16_u32 << 20, any::<[u8; 32]>()), 1..9),
        tag in any::<[u8; 32]>(),
        bit in any::<proptest::sample::Index>(),
        cut in any::<proptest::sample::Index>(),
        noise in vec(any::<u8>(), 0..200),
    ) {
        let chunk = |(length, digest)| Chunk { length, digest: Digest::from_bytes(digest) };
        let chunks: Vec<_> = chunks.into_iter().map(chunk).collect();
        let size: u64 = chunks.iter().map(|chunk| u64::from(chunk.length)).sum();
        let index = ChunkIndex::new(chunks, tag).unwrap();
        let bytes = index.to_bytes();
        prop_assert_eq!(index.size(), size);
        prop_assert_eq!(ChunkIndex::from_bytes(&bytes), Ok(index.clone()));
        let mut flipped = bytes.to_vec();
        let bit = bit.index(bytes.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let cut = &bytes[..cut.index(bytes.len())];
        for other in [&flipped[..], cut, &noise[..]] {
            if let Ok(read) = ChunkIndex::from_bytes(other) {
                prop_assert_ne!(&read, &index);
                prop_assert_eq!(read.to_bytes(), other);
            }
        }
    }
}

#[test]
fn index_has_no_chunk_that_is_empty_or_too_long_and_at_least_one() {
    let digest = Digest::of(b"");
    let index = |lengths: &[u32]| {
        let chunk = |length: &u32| Chunk {
            length: *length,
            digest,
        };
        ChunkIndex::new(lengths.iter().map(chunk).collect(), [0; 32])
    };
    index(&[16 << 20, 1]).unwrap();
    for lengths in [&[][..], &[0], &[1, 0, 1], &[(16 << 20) + 1]] {
        index(lengths).unwrap_err();
    }
}
